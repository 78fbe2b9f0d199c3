"""Old template files → what this host offers: golden files, one pair for KVM and one for emulation each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_hostd.templates.document import parse, serialise
from edgelinux_hostd.templates.modernise import modernise
from edgelinux_hostd.templates.offers import HostOffers, newest_machine
from edgelinux_hostd.templates.pipeline import default_nics, image_files, kind_of, prepare

from tests.unit.hostd.templates.conftest import HERE, WEB1, offers_of

OLD = sorted((HERE / "golden/old").glob("*.antlet.xml"))


@pytest.mark.parametrize("virttype", ["kvm", "qemu"])
@pytest.mark.parametrize("old", OLD, ids=lambda path: path.name)
def test_old_template_files(old: Path, virttype: str) -> None:
    done = prepare(old.read_text(encoding="utf-8"), WEB1, offers_of(virttype), validate=False)
    golden = HERE / "golden/current" / f"{old.name.removesuffix('.antlet.xml')}.{virttype}.xml"
    assert done.xml == golden.read_text(encoding="utf-8")
    notes = "".join(f"{note}\n" for note in done.notes)
    assert notes == golden.with_suffix(".notes").read_text(encoding="utf-8")


@pytest.mark.parametrize("old", OLD, ids=lambda path: path.name)
def test_what_is_current_stays_as_it_is(old: Path, kvm: HostOffers) -> None:
    once = prepare(old.read_text(encoding="utf-8"), WEB1, kvm, validate=False)
    again = prepare(once.xml, WEB1, kvm, validate=False)
    assert (again.xml, again.notes) == (once.xml, ())


def _kvm(inside: str = "", machine: str = "pc-q35-9.2", devices: str = "") -> str:
    return (
        f"<domain type='kvm'><name>web1</name><os><type machine='{machine}'>hvm</type></os>{inside}"
        f"<devices>{devices}</devices></domain>"
    )


def _machine(xml: str, offers: HostOffers) -> str:
    done, _ = modernise(parse(xml), offers)
    kind = done.root.find("os/type")
    assert kind is not None
    return kind.get("machine", "")


def test_machine_types(kvm: HostOffers) -> None:
    assert _machine(_kvm(machine="pc-q35-9.2"), kvm) == "pc-q35-9.2"
    assert _machine(_kvm(machine="pc-i440fx-1.5"), kvm) == "pc-i440fx-10.0"
    assert _machine(_kvm(machine="pc-q35-2.4"), kvm) == "pc-q35-10.0"
    assert _machine(_kvm(machine="pc"), kvm) == "pc-i440fx-10.0"
    only_q35 = replace(kvm, machines=("pc-q35-rhel9.6.0", "pc-q35-rhel10.0.0"), deprecated=())
    assert _machine(_kvm(machine="pc-i440fx-2.4"), only_q35) == "pc-q35-rhel10.0.0"


def test_newest_machine_counts_numbers_not_letters() -> None:
    assert newest_machine("pc-q35", ["pc-q35-9.2", "pc-q35-10.0", "pc-i440fx-11.0"]) == "pc-q35-10.0"
    assert newest_machine("pc-q35", ["pc-i440fx-11.0"]) is None


def test_what_qemu_of_el_lacks_is_replaced_by_what_it_says_it_has(kvm: HostOffers) -> None:
    # Its QEMU has names of its own for machine types, may lack i440fx, and is built without SPICE, QXL and
    # floppy disks; where it lies is libvirt's to know.
    el = replace(
        kvm,
        machines=("pc-q35-rhel9.6.0", "pc-q35-rhel10.0.0", "pc-q35-rhel10.2.0"),
        deprecated=(),
        video=("vga", "virtio", "bochs", "ramfb"),
        graphics=("vnc",),
        buses=("sata", "scsi", "virtio", "usb"),
    )
    devices = (
        "<emulator>/usr/bin/qemu-system-x86_64</emulator><sound model='ich6'/><graphics type='spice'/>"
        "<video><model type='qxl' ram='65536'/></video><channel type='spicevmc'/><redirdev type='spicevmc'/>"
        "<disk type='file' device='disk'><source file='/antlets/web1/a.raw'/>"
        "<target dev='hda' bus='ide'/></disk>"
    )
    old = _kvm(machine="pc-i440fx-2.4", devices=devices)
    done, _ = modernise(parse(old), el)
    text = serialise(done)
    assert _machine(old, el) == "pc-q35-rhel10.2.0"
    assert not [word for word in ("emulator", "qemu-system", "ich6", "spice", "qxl", '"ide"') if word in text]
    assert '<model type="vga" />' in text
    assert '<graphics type="vnc">' in text
    # The antlet stays on the older chip set where that is still kept.
    both = replace(el, deprecated=("pc-i440fx-rhel7.6.0", "pc-i440fx-rhel10.0.0"))
    assert _machine(old, both) == "pc-i440fx-rhel10.0.0"
    plain = replace(el, video=("virtio", "ramfb"))
    assert '<model type="virtio" />' in serialise(modernise(parse(old), plain)[0])


def test_ide_disks_move_to_sata_where_the_machine_has_no_ide(kvm: HostOffers) -> None:
    offers = replace(kvm, machines=("pc-q35-10.0",), deprecated=())
    disk = (
        "<disk type='file' device='disk'><source file='/antlets/web1/a.qcow2'/>"
        "<target dev='hda' bus='ide'/></disk><controller type='ide' index='0'/>"
    )
    done, notes = modernise(parse(_kvm(machine="pc-i440fx-2.4", devices=disk)), offers)
    assert '<target dev="sda" bus="sata" />' in serialise(done)
    assert "ide" not in [each.get("type") for each in done.root.iterfind("devices/controller")]
    assert "disk bus: ide → sata (the new machine has no IDE)" in [str(note) for note in notes]


def test_cpu_model_is_kept_where_the_host_can_give_it(kvm: HostOffers, emulation: HostOffers) -> None:
    cpu = "<cpu mode='custom'><model>Westmere</model></cpu>"
    assert "Westmere" not in serialise(modernise(parse(_kvm(cpu)), kvm)[0])
    assert "Westmere" in serialise(modernise(parse(_kvm(cpu)), emulation)[0])
    host = "<cpu mode='host-passthrough'/>"
    assert 'mode="maximum"' in serialise(modernise(parse(_kvm(host)), emulation)[0])
    assert 'mode="host-passthrough"' in serialise(modernise(parse(_kvm(host)), kvm)[0])


def test_firmware_that_is_not_here_is_the_hosts_own(kvm: HostOffers) -> None:
    old = (
        "<domain type='kvm'><name>web1</name><os><type>hvm</type>"
        "<loader readonly='yes' type='pflash'>/usr/share/edk2.git/ovmf-x64/OVMF_CODE.fd</loader>"
        "<nvram>/var/lib/libvirt/qemu/nvram/x.fd</nvram></os></domain>"
    )
    done, notes = modernise(parse(old), kvm)
    assert '<os firmware="efi">' in serialise(done)
    assert "nvram" not in serialise(done)
    assert [note.what for note in notes] == ["firmware"]


def test_paths_outside_are_not_made_to_look_like_the_antlets_own(kvm: HostOffers) -> None:
    disk = "<disk type='file' device='disk'><source file='/etc/shadow.qcow2'/></disk>"
    done, _ = modernise(parse(_kvm(devices=disk)), kvm)
    assert "/etc/shadow.qcow2" in serialise(done)


def test_modernise_leaves_its_input_alone(kvm: HostOffers) -> None:
    before = parse(_kvm(machine="pc-i440fx-2.4"))
    modernise(before, kvm)
    assert "pc-i440fx-2.4" in serialise(before)


def test_what_an_antlet_has_by_default(kvm: HostOffers) -> None:
    windows = (HERE / "golden/current/kvm-windows.kvm.xml").read_text(encoding="utf-8")
    assert kind_of(windows) == "kvm"
    assert [(nic.type, nic.source, nic.model, nic.mac) for nic in default_nics(windows)] == [
        ("network", "bblv", "e1000", None)
    ]
    linux = (HERE / "golden/current/kvm-linux.kvm.xml").read_text(encoding="utf-8")
    assert image_files(linux) == ("Linux.raw", "data.raw")
    container = (HERE / "golden/current/lxc-debian.kvm.xml").read_text(encoding="utf-8")
    assert kind_of(container) == "lxc"
