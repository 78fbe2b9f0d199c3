"""Makes an antlet's specification anew, of what is left of antlet.yaml and of the files beside it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from edgelinux_hostd.antlets.numbers import NETWORK, number_of_mac
from edgelinux_hostd.antlets.spec import AntletSpec, Nic

__all__ = ["DEFAULT_CPU", "DEFAULT_RAM", "from_template", "from_xml", "rebuild", "salvage"]

# Only where nothing says what it was.
DEFAULT_RAM = 1024
DEFAULT_CPU = 1

# libvirt's units of memory, in KiB (https://libvirt.org/formatdomain.html#memory-allocation).
_KIB = {"KiB": 1, "k": 1, "MiB": 1024, "M": 1024, "GiB": 1024**2, "G": 1024**2}
_JINJA = re.compile(r"{%.*?%}|{#.*?#}", re.DOTALL)

_KEPT = ("number", "uuid", "kind", "template", "ram", "cpu", "description", "autostart", "order", "nics")


def salvage(text: str) -> dict[str, Any]:
    """Read the fields of a damaged antlet.yaml that are whole, each by itself."""
    found = _mapping(text)
    if not found:
        # Not YAML as a whole: what stands on lines of its own may be.
        for line in text.splitlines():
            if re.match(r"[a-z]+: \S", line):
                found.update(_mapping(line))
    return {key: value for key, value in found.items() if key in _KEPT and _fits(key, value)}


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def _fits(key: str, value: object) -> bool:
    sample = {
        "name": "a",
        "number": 10,
        "uuid": "00000000-0000-4000-8000-000000000000",
        "kind": "lxc",
        "ram": 16,
        "cpu": 1,
    }
    try:
        AntletSpec.model_validate({**sample, key: value})
    except ValidationError:
        return False
    return True


def from_template(text: str) -> dict[str, Any]:
    """Read name, RAM and CPU of the template that an antlet was made from (template.yaml)."""
    said = _mapping(text)
    known = {"template": said.get("name"), "ram": said.get("ram"), "cpu": said.get("cpu")}
    return {key: value for key, value in known.items() if value is not None and _fits(key, value)}


def from_xml(text: str) -> dict[str, Any]:
    """Read kind, network cards and, where they are no variables, RAM and CPU from a template XML."""
    plain = _JINJA.sub("", text)
    if "<!" in re.sub(r"<!--.*?-->", "", plain, flags=re.DOTALL):
        return {}  # document types and entities have no place in it
    try:
        root = ET.fromstring(plain)  # noqa: S314 - without entities, and the host's own file
    except ET.ParseError:
        return {}
    found: dict[str, Any] = {"kind": "lxc" if root.get("type") == "lxc" else "kvm"}
    memory = root.find("memory")
    if memory is not None and (size := (memory.text or "").strip()).isdecimal():
        found["ram"] = int(size) * _KIB.get(memory.get("unit", "KiB"), 1) // 1024
    if (cpu := (root.findtext("vcpu") or "").strip()).isdecimal():
        found["cpu"] = int(cpu)
    nics = [nic for card in root.iterfind("devices/interface") if (nic := _nic(card))]
    if nics:
        found["nics"] = nics
    return {key: value for key, value in found.items() if _fits(key, value)}


def _nic(card: ET.Element) -> Mapping[str, str] | None:
    source, model, address = card.find("source"), card.find("model"), card.find("mac")
    kind = card.get("type")
    if kind not in ("network", "bridge"):
        return None
    nic = {"type": kind, "source": NETWORK}
    if kind == "bridge" and source is not None:
        nic["source"] = source.get("bridge", "br0")
    if model is not None:
        nic["model"] = model.get("type", "virtio")
    mac = address.get("address", "").lower() if address is not None else ""
    if mac and "{" not in mac and number_of_mac(mac) is None:
        nic["mac"] = mac
    try:
        Nic.model_validate(nic)
    except ValidationError:
        return {"type": kind, "source": nic["source"]}
    return nic


def rebuild(
    identity: Mapping[str, Any],
    text: str | None,
    xml: str,
    template: str,
    directories: Collection[str] = (),
) -> tuple[AntletSpec | None, tuple[str, ...]]:
    """Make a specification; `identity` is name, number and uuid, which stand above all else.

    What antlet.yaml still says comes before what the template XML says, and that before the template's
    defaults. Gives notes for people too; None when it cannot be told whether it is a container or a machine.
    """
    by_directory = {"rootfs": "lxc", "disks": "kvm"}
    kinds = [{"kind": by_directory[name]} for name in directories if name in by_directory]
    known = {
        **from_template(template),
        **(kinds[0] if kinds else {}),
        **from_xml(xml),
        **salvage(text or ""),
        **identity,
    }
    notes = []
    if "kind" not in known:
        return None, ("it cannot be told whether it is a container or a machine",)
    if "nics" not in known:
        notes.append(f"its network cards are not known: one on {NETWORK}")
    for key, default, unit in (("ram", DEFAULT_RAM, "MiB RAM"), ("cpu", DEFAULT_CPU, "CPU")):
        if key not in known:
            known[key] = default
            notes.append(f"its {key} is not known: {default} {unit}")
    return AntletSpec.model_validate(known), tuple(notes)
