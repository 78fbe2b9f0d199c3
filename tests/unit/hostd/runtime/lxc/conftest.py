"""A container as its XML and specification say it, and a host's /sys in a directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.runtime.base import Launch
from edgelinux_hostd.runtime.lxc.cgroup import Cgroup
from edgelinux_hostd.runtime.lxc.driver import LxcRuntime

UUID = "6f8e4a1c-2f3b-4a57-9a51-1f2d3c4b5a69"
XML = """<domain type='lxc'><name>web1</name><os><type>exe</type>{os}</os>{more}<devices>
<filesystem type='mount'><source dir='/antlets/web1/rootfs'/><target dir='/'/></filesystem>{devices}
</devices></domain>"""


@pytest.fixture
def launch(tmp_path: Path) -> Callable[..., Launch]:
    """Make a launch of web1, whose directory has a root with an init in it."""
    init = tmp_path / "pool/web1/rootfs/sbin/init"
    init.parent.mkdir(parents=True)
    init.touch()

    def make(
        os: str = "<init>/sbin/init</init>", more: str = "", devices: str = "", **spec: object
    ) -> Launch:
        fields = {"name": "web1", "number": 25, "uuid": UUID, "kind": "lxc", "ram": 256, "cpu": 1, **spec}
        xml = XML.format(os=os, more=more, devices=devices)
        return Launch(AntletSpec.model_validate(fields), tmp_path / "pool/web1", xml)

    return make


@pytest.fixture
def driver(tmp_path: Path) -> LxcRuntime:
    return LxcRuntime(tmp_path / "run", tmp_path / "cgroup", tmp_path)


@pytest.fixture
def container(tmp_path: Path) -> Callable[..., Cgroup]:
    """Make the cgroups of a container: what cgroup.events say of the guest's, the monitor's and others."""

    def make(name: str = "web1", frozen: int = 0, **populated: int) -> Cgroup:
        cgroup = Cgroup(name, tmp_path / "cgroup")
        parts = {"container": 1, "monitor": 1, "monitor.pivot": 0, "start": 0, **populated}
        for part, value in {**parts, "": int(any(parts.values()))}.items():
            directory = cgroup.unit / part
            directory.mkdir(parents=True, exist_ok=True)
            events = f"populated {value}\nfrozen {frozen if part == 'container' else 0}\n"
            (directory / "cgroup.events").write_text(events, encoding="ascii")
        return cgroup

    return make
