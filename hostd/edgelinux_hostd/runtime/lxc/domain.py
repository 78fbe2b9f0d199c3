"""What a container takes from its domain XML (type='lxc'); formatdomain.html and drvlxc.html of libvirt say
what the elements mean.

Memory, processors and network cards are the specification's, not the XML's. Elements that mean nothing to a
container on ZFS (blkiotune: ZFS schedules by itself) or that hostd decides (resource) are passed over.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgelinux_hostd.errors import InvalidError

__all__ = ["Domain", "Mount", "parse_domain"]

_CAPABILITY = re.compile(r"[a-z][a-z0-9_]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CPUSET = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")

# What `units` of sizes may be (libvirt's "scaled integers", less what nobody writes).
_UNITS = {"b": 1, "bytes": 1, "KiB": 1 << 10, "k": 1 << 10, "MiB": 1 << 20, "M": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True)
class Mount:
    """Something mounted inside: a directory of the antlet's own (`source`), or memory of `size` bytes."""

    target: str
    source: Path | None = None
    size: int = 0
    readonly: bool = False


@dataclass(frozen=True)
class Domain:
    """What the XML says. `rootfs` and sources of mounts are real paths, below the antlet's directory.

    `capabilities` is libvirt's policy: default, allow or deny; `on` and `off` name the exceptions.
    `shares` is cgroup v2's cpu.weight, 0 for the default; `high` is memory.high in bytes, 0 for none.
    """

    rootfs: Path
    init: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    directory: str = ""
    mounts: tuple[Mount, ...] = ()
    privileged: bool = False
    capabilities: str = "default"
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    cpuset: str = ""
    shares: int = 0
    high: int = 0


def parse_domain(xml: str, name: str, directory: Path) -> Domain:
    """Read a container's XML; paths /antlets/NAME/… in it mean `directory`. Raises InvalidError."""
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - current and confined already, from hostd's own rendering
    except ElementTree.ParseError as error:
        raise InvalidError(f"XML of antlet {name}: {error}") from None
    if root.tag != "domain" or root.get("type") != "lxc":
        raise InvalidError(f"XML of antlet {name}: not a domain of type lxc")
    rootfs = None
    mounts = []
    for element in root.iterfind("devices/filesystem"):
        mount = _mount(element, name, directory)
        if mount.target == "/":
            if rootfs is not None or mount.source is None:
                raise InvalidError(f"XML of antlet {name}: one directory must be mounted at /, and only one")
            rootfs = mount.source
        else:
            mounts.append(mount)
    if rootfs is None:
        raise InvalidError(f"XML of antlet {name}: no filesystem is mounted at /")
    for mount in mounts:
        # The guest can make a symbolic link to anywhere there, and mounting would follow it.
        if mount.source is not None and mount.source.is_relative_to(rootfs):
            raise InvalidError(f"XML of antlet {name}: {mount.source} lies in the guest's own root")
    policy, on, off = _capabilities(root, name)
    return Domain(
        rootfs=rootfs,
        init=(
            root.findtext("os/init", "").strip() or "/sbin/init",
            *(arg.text or "" for arg in root.iterfind("os/initarg")),
        ),
        environment=tuple(_variable(item, name) for item in root.iterfind("os/initenv")),
        directory=root.findtext("os/initdir", "").strip(),
        mounts=tuple(mounts),
        privileged=_privileged(root),
        capabilities=policy,
        on=on,
        off=off,
        cpuset=_cpuset(root, name),
        shares=int(_size(root.find("cputune/shares"), name, "b")),
        high=_size(root.find("memtune/soft_limit"), name, "KiB"),
    )


def _mount(element: ElementTree.Element, name: str, directory: Path) -> Mount:
    target_element, source_element = element.find("target"), element.find("source")
    target = target_element.get("dir", "") if target_element is not None else ""
    if not target.startswith("/") or ".." in PurePosixPath(target).parts:
        raise InvalidError(f"XML of antlet {name}: {target!r} is no place to mount at")
    readonly = element.find("readonly") is not None
    kind = element.get("type", "mount")
    if kind == "mount" and source_element is not None:
        source = _inside(source_element.get("dir", ""), name, directory)
        return Mount(target, source, readonly=readonly)
    if kind == "ram" and source_element is not None:
        units = source_element.get("units", "KiB")
        usage = source_element.get("usage", "")
        if usage.isdecimal() and units in _UNITS:
            return Mount(target, size=int(usage) * _UNITS[units], readonly=readonly)
    raise InvalidError(f"XML of antlet {name}: a container cannot mount this at {target} (type {kind!r})")


def _inside(path: str, name: str, directory: Path) -> Path:
    pure = PurePosixPath(path)
    own = PurePosixPath("/antlets") / name
    if ".." in pure.parts or not pure.is_relative_to(own) or pure == own:
        raise InvalidError(f"XML of antlet {name}: {path!r} is outside the antlet", hint=f"{own}/…")
    return directory / pure.relative_to(own)


def _privileged(root: ElementTree.Element) -> bool:
    """Only a mapping of 0 to 0 makes it so; any other means hostd's own range for this antlet."""
    first = root.find("idmap/uid")
    return first is not None and first.get("start") == "0" and first.get("target") == "0"


def _capabilities(root: ElementTree.Element, name: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    element = root.find("features/capabilities")
    if element is None:
        return "default", (), ()
    policy = element.get("policy", "default")
    if policy not in ("default", "allow", "deny"):
        raise InvalidError(f"XML of antlet {name}: capabilities' policy {policy!r} is unknown")
    states: dict[str, list[str]] = {"on": [], "off": []}
    for capability in element:
        state = capability.get("state", "")
        if state not in states or not _CAPABILITY.fullmatch(capability.tag):
            raise InvalidError(f"XML of antlet {name}: capability {capability.tag} must be on or off")
        states[state].append(capability.tag)
    return policy, tuple(states["on"]), tuple(states["off"])


def _variable(element: ElementTree.Element, name: str) -> tuple[str, str]:
    key = element.get("name", "")
    if not _VARIABLE.fullmatch(key):
        raise InvalidError(f"XML of antlet {name}: {key!r} cannot name an environment variable")
    return key, element.text or ""


def _cpuset(root: ElementTree.Element, name: str) -> str:
    element = root.find("vcpu")
    text = "" if element is None else "".join(element.get("cpuset", "").split())
    if text and not _CPUSET.fullmatch(text):
        raise InvalidError(f"XML of antlet {name}: {text!r} is not a set of processors", hint="like 0-3,6")
    return text


def _size(element: ElementTree.Element | None, name: str, unit: str) -> int:
    if element is None:
        return 0
    text, units = (element.text or "").strip(), element.get("unit", unit)
    if not text.isdecimal() or units not in _UNITS:
        raise InvalidError(f"XML of antlet {name}: {element.tag} {text!r} {units} is not a size")
    return int(text) * _UNITS[units]
