"""The XML that libvirt gets, against golden files (run with EDGELINUX_GOLDEN=1 to write them anew)."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path
from uuid import UUID

import pytest
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.runtime.base import Launch
from edgelinux_hostd.runtime.kvm.domain import Facts, finish

GOLDEN = Path(__file__).parent / "golden_kvm"

LINUX = """\
<domain type='kvm'>
  <name>web1</name>
  <memory unit='MiB'>1</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/><apic/></features>
  <cpu mode='host-passthrough' check='none'/>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/antlets/web1/disks/root.raw'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'><source network='other'/><mac address='52:54:00:00:00:01'/></interface>
  </devices>
</domain>
"""

WINDOWS = """\
<domain type='kvm' id='7'>
  <name>old</name>
  <uuid>00000000-0000-0000-0000-000000000001</uuid>
  <metadata><edgelinux:antlet xmlns:edgelinux='urn:edgelinux:antlet' number='11'/></metadata>
  <memory unit='KiB'>4194304</memory>
  <currentMemory unit='KiB'>4194304</currentMemory>
  <vcpu placement='static'>2</vcpu>
  <os firmware='efi'><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><hyperv><relaxed state='on'/></hyperv><kvm><hidden state='on'/></kvm></features>
  <cpu mode='custom' match='exact'><model>Westmere</model><topology sockets='2' cores='1' threads='1'/></cpu>
  <clock offset='localtime'><timer name='rtc'/><timer name='hypervclock' present='yes'/></clock>
  <on_crash>destroy</on_crash>
  <devices>
    <disk type='file' device='disk'>
      <source file='/antlets/win/disks/root.raw'/>
      <target dev='sda' bus='sata'/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sdb' bus='sata'/><readonly/></disk>
    <serial type='file'><source path='/antlets/win/log'/><target port='0'/></serial>
    <console type='pty' tty='/dev/pts/4'><source path='/dev/pts/4'/></console>
    <channel type='unix'>
      <source mode='bind' path='/antlets/win/agent'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>
    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
    <rng model='virtio'><backend model='random'>/dev/random</backend></rng>
    <memballoon model='none'/>
    <graphics type='vnc' port='-1' autoport='yes'/>
  </devices>
  <seclabel type='none'/>
</domain>
"""


def finished(xml: str, directory: str = "/antlets/web1") -> ET.Element:
    return ET.fromstring(finish(launch(xml, directory=directory), Facts()))  # noqa: S314


def launch(xml: str = LINUX, *, directory: str = "/antlets/web1", **fields: object) -> Launch:
    found: dict[str, object] = {
        "name": "web1",
        "number": 25,
        "uuid": UUID("6f3d5f0e-8a55-4a83-9d6e-0c9b1f5a2e11"),
        "kind": "kvm",
        "ram": 1024,
        "cpu": 2,
        **fields,
    }
    return Launch(AntletSpec.model_validate(found), Path(directory), xml)


CASES = {
    "linux": (launch(), Facts(cpus=4)),
    "linux-emulated": (launch(), Facts(kvm=False, cpus=1)),
    "linux-seed": (launch(), Facts(cpus=2, seed=True)),
    "linux-hdd": (launch(directory="/hdd/web1"), Facts(cpus=2, seed=True)),
    "linux-nics": (
        launch(
            nics=(
                Nic(),
                Nic(type="bridge", source="br0", model="e1000"),
                Nic(type="bridge", source="br0", mac="52:54:00:12:34:56"),
            )
        ),
        Facts(cpus=2),
    ),
    "windows": (
        launch(WINDOWS, directory="/antlets/win", name="win", nics=(Nic(model="e1000e"),)),
        Facts(cpus=8),
    ),
    "windows-emulated": (
        launch(WINDOWS, directory="/antlets/win", name="win", nics=()),
        Facts(kvm=False, cpus=2, seed=True),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_domain_is_as_in_the_golden_file(case: str) -> None:
    made = finish(*CASES[case])
    path = GOLDEN / f"{case}.xml"
    if os.environ.get("EDGELINUX_GOLDEN"):
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_finishing_twice_changes_nothing(case: str) -> None:
    start, facts = CASES[case]
    once = finish(start, facts)
    if facts.seed:  # the seed is attached to what the template has, which never holds it
        facts = Facts(kvm=facts.kvm, cpus=facts.cpus)
    assert finish(Launch(start.spec, start.directory, once), facts) == once


def test_machine_without_a_cpu_element_gets_the_hosts_cpu() -> None:
    xml = LINUX.replace("<cpu mode='host-passthrough' check='none'/>", "")
    cpu = finished(xml).find("cpu")
    assert cpu is not None
    assert cpu.get("mode") == "host-passthrough"


def test_nvram_lies_in_the_antlet_for_a_loader_named_in_the_template() -> None:
    xml = LINUX.replace("</type></os>", "</type><loader type='pflash' readonly='yes'>/fw</loader></os>")
    found = finished(xml, "/hdd/web1")
    assert found.findtext("os/nvram") == "/hdd/web1/disks/nvram.fd"


def test_machine_with_bios_gets_no_nvram() -> None:
    assert finished(LINUX).find("os/nvram") is None


def test_another_antlets_path_is_not_taken_for_this_ones() -> None:
    xml = LINUX.replace("/antlets/web1/disks", "/antlets/web10/disks")
    assert 'file="/antlets/web10/disks/root.raw"' in finish(launch(xml, directory="/hdd/web1"), Facts())


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ("<domain", "cannot be read"),
        ("<network/>", "is a <network>"),
        (LINUX.replace("disks/root.raw", "../web2/root.raw"), "leads out of the antlet's directory"),
        (LINUX.replace("disks/root.raw", "/etc/shadow"), "leads out of the antlet's directory"),
    ],
)
def test_xml_that_cannot_be_is_refused(xml: str, said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        finish(launch(xml), Facts())
