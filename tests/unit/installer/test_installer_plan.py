from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from edgelinux_hostd.disks import Disk
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.image import ImageInfo
from edgelinux_installer.kickstart import Kickstart, KickstartError, read_kickstart
from edgelinux_installer.nics import Nic, parse_ip_link, pick
from edgelinux_installer.plan import Machine, make_plan
from edgelinux_installer.selection import choose_disks

GIB = 1024**3
MakeDisk = Callable[..., Disk]


def ks(*lines: str, addon: str = "disks = 2") -> Kickstart:
    return read_kickstart("\n".join([*lines, "%addon edgelinux_zfs", addon, "%end", ""]), "ks.cfg")


def chosen(kickstart: Kickstart, *disks: Disk) -> list[str]:
    return [disk.name for disk in choose_disks(kickstart, disks)]


def refused(kickstart: Kickstart, *disks: Disk) -> str:
    with pytest.raises(KickstartError) as caught:
        choose_disks(kickstart, disks)
    assert str(caught.value).startswith("ks.cfg")
    return str(caught.value)


def test_all_fixed_disks_are_taken_when_none_is_named(disk: MakeDisk) -> None:
    assert chosen(ks(), disk("vda"), disk("vdb"), disk("sda", transport="usb", removable=True)) == [
        "vda",
        "vdb",
    ]


def test_more_candidates_than_asked_are_refused_and_listed(disk: MakeDisk) -> None:
    message = refused(ks(), disk("vda"), disk("vdb"), disk("vdc", model="FAST", serial="S1"))
    assert "2 disk(s) are asked for and 3 can be taken" in message
    assert "/dev/vda 12.0 GiB, /dev/vdb 12.0 GiB, /dev/vdc 12.0 GiB FAST S1" in message


def test_a_disk_with_data_is_a_candidate_too_so_nothing_is_guessed(disk: MakeDisk) -> None:
    assert "3 can be taken" in refused(
        ks(), disk("vda"), disk("vdb"), disk("vdc", contents=("ext4 on vdc1",))
    )


def test_fewer_disks_than_asked_are_refused_with_the_reason_of_each(disk: MakeDisk) -> None:
    message = refused(
        ks(),
        disk("vda"),
        disk("vdb", size=4 * GIB),
        disk("vdc", in_use="mounted at /data"),
        disk("vdd", read_only=True),
        disk("sda", transport="usb"),
        disk("sdb", removable=True),
        disk("sdc", in_use="holds the live medium"),
    )
    assert "2 disk(s) are asked for and 1 can be taken: /dev/vda" in message
    for reason in (
        "/dev/vdb: too small, 4.0 of 8 GiB",
        "/dev/vdc: mounted at /data",
        "/dev/vdd: read-only",
        "/dev/sda: on USB, and not named",
        "/dev/sdb: removable, and not named",
        "/dev/sdc: holds the live medium",
    ):
        assert reason in message


def test_no_disk_at_all() -> None:
    assert "2 disk(s) are asked for and 0 can be taken: none" in refused(ks())


def test_selection_by_path_link_and_glob(disk: MakeDisk) -> None:
    disks = (disk("vda"), disk("vdb"), disk("vdc"))
    assert chosen(ks(addon="select = /dev/vdc, /dev/disk/by-id/virtio-vda"), *disks) == ["vda", "vdc"]
    assert chosen(ks(addon="disks = 3\nselect = /dev/vd*"), *disks) == ["vda", "vdb", "vdc"]
    assert chosen(ks(addon="select = /dev/disk/by-path/pci-vd[ab]"), *disks) == ["vda", "vdb"]


def test_selection_by_kickstart_names(disk: MakeDisk) -> None:
    disks = (disk("vda"), disk("vdb"), disk("vdc"))
    assert chosen(ks("ignoredisk --only-use=vda,disk/by-id/virtio-vdc"), *disks) == ["vda", "vdc"]
    assert chosen(ks("clearpart --all --drives=vdb,vdc"), *disks) == ["vdb", "vdc"]
    lists = ks("ignoredisk --only-use=vda,vdb,vdc", "clearpart --all --drives=vdb,vdc")
    assert chosen(lists, *disks) == ["vdb", "vdc"]


def test_a_usb_disk_can_be_named(disk: MakeDisk) -> None:
    usb = disk("sda", transport="usb", removable=True)
    assert chosen(ks(addon="layout = single\nselect = /dev/sda"), usb, disk("vda")) == ["sda"]


def test_a_missing_disk_is_named_with_those_present(disk: MakeDisk) -> None:
    message = refused(ks(addon="select = /dev/vda, /dev/vdx"), disk("vda"), disk("vdb"))
    assert "ks.cfg:1: there is no disk /dev/vdx; present: /dev/vda 12.0 GiB, /dev/vdb 12.0 GiB" in message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": 8 * GIB - 1}, "too small, 8.0 of 8 GiB"),
        ({"in_use": "member of imported pool tank"}, "member of imported pool tank"),
        ({"in_use": "holds the live medium"}, "holds the live medium"),
        ({"read_only": True}, "read-only"),
    ],
)
def test_a_named_disk_must_be_usable(disk: MakeDisk, changes: dict[str, object], reason: str) -> None:
    message = refused(ks(addon="select = /dev/vda, /dev/vdb"), disk("vda", **changes), disk("vdb"))
    assert f"/dev/vda cannot be taken: {reason}" in message


def test_an_unusable_disk_that_only_a_glob_matches_is_passed_over(disk: MakeDisk) -> None:
    disks = (disk("sda"), disk("sdb"), disk("sdc", in_use="holds the live medium"))
    assert chosen(ks(addon="disks = 2\nselect = /dev/sd*"), *disks) == ["sda", "sdb"]


def test_eight_gib_are_enough(disk: MakeDisk) -> None:
    assert chosen(ks(), disk("vda", size=8 * GIB), disk("vdb", size=8 * GIB)) == ["vda", "vdb"]


def test_contents_without_clearpart_are_refused_and_named(disk: MakeDisk) -> None:
    full = disk("vdb", contents=("gpt", "ext4 root on vdb1"))
    message = refused(ks(), disk("vda"), full)
    assert "/dev/vdb holds data: gpt, ext4 root on vdb1 (`clearpart --all`" in message
    assert "holds data" in refused(ks("clearpart --none"), disk("vda"), full)
    assert "holds data" in refused(ks("zerombr"), disk("vda"), full)
    assert chosen(ks("clearpart --all"), disk("vda"), full) == ["vda", "vdb"]


def test_clearpart_erases_only_the_drives_it_names(disk: MakeDisk) -> None:
    kickstart = ks("clearpart --all --drives=vda,vdb", addon="disks = 2")
    full = [disk(name, contents=("gpt",)) for name in ("vda", "vdb", "vdc")]
    assert chosen(kickstart, *full) == ["vda", "vdb"]


def test_single_takes_one(disk: MakeDisk) -> None:
    assert chosen(ks(addon="layout = single"), disk("vda")) == ["vda"]
    assert "1 disk(s) are asked for and 2 can be taken" in refused(
        ks(addon="layout = single"), disk("vda"), disk("vdb")
    )


def test_a_mirror_of_all_that_are_named(disk: MakeDisk) -> None:
    three = [disk(name) for name in ("vda", "vdb", "vdc")]
    assert chosen(ks(addon="select = /dev/vd*"), *three) == ["vda", "vdb", "vdc"]
    assert "2 disk(s) are asked for and 1 can" in refused(ks(addon="select = /dev/vda"), *three)


def test_two_paths_to_one_disk_make_no_mirror(disk: MakeDisk) -> None:
    message = refused(ks(), disk("sda", wwn="0x5000"), disk("sdb", wwn="0x5000"))
    assert "/dev/sda and /dev/sdb are the same disk (0x5000)" in message


# The rest of the plan


def test_the_plan(machine: Machine, image: ImageInfo) -> None:
    plan = make_plan(ks("lang en_US.UTF-8", "network --hostname=edge1"), machine, image)
    assert plan.hostname == "edge1"
    assert plan.lang == "en_US.UTF-8"
    assert plan.root_dataset == "antlets/ROOT/2.1.0"
    assert plan.layout == "mirror"
    assert plan.media_label == "EDGELINUX_0123ABCD"
    bridge, port = plan.networks
    assert (bridge.name, bridge.kind, bridge.nic) == ("br0", "bridge", machine.nics[0])
    assert (port.kind, port.nic, port.controller) == ("ethernet", machine.nics[0], "br0")
    assert plan.notices == ()


def test_the_plan_as_json_has_no_secrets(machine: Machine, image: ImageInfo) -> None:
    lines = ("rootpw --plaintext hunter2", "user --name=x --password=hunter3", "%post\nhunter4\n%end")
    text = json.dumps(make_plan(ks(*lines), machine, image).as_dict())
    assert "hunter" not in text
    assert json.loads(text)["image"]["version"] == "2.1.0"


def test_an_old_cpu_is_refused_in_one_line(machine: Machine, image: ImageInfo) -> None:
    with pytest.raises(
        EdgeLinuxError, match="this CPU is x86-64-v1, and edgeLinux OS on Test base 1 needs x86-64-v2"
    ):
        make_plan(ks(), replace(machine, cpu_level="x86-64-v1"), image)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("%packages\nsudo\nemacs\n%end", "%packages: not in this image: emacs"),
        ("%packages\n-sudo\n%end", "not removable: sudo"),
        ("user --name=daemon", "ks.cfg:1: the image already has an account daemon"),
        ("sshkey --username=bob 'ssh-ed25519 AAAA'", "ks.cfg:1: there is no account bob"),
        ("network --device=eth7", "there is no network card eth7; present: ens3 (52:54:00:00:00:01)"),
    ],
)
def test_what_the_image_or_machine_lacks_is_refused(
    machine: Machine, image: ImageInfo, lines: str, message: str
) -> None:
    with pytest.raises(KickstartError) as caught:
        make_plan(ks(lines), machine, image)
    assert message in str(caught.value)


def test_notices(machine: Machine, image: ImageInfo, disk: MakeDisk) -> None:
    odd = replace(machine, nics=(), disks=(disk("vda"), disk("vdb", size=20 * GIB)))
    plan = make_plan(ks("lang xx_XX.UTF-8", "%packages\n@core\n%end"), odd, image)
    assert plan.lang == "C.UTF-8"
    assert len(plan.notices) == 4
    assert [plan.notices[0].split(":")[0], plan.networks[0].nic] == ["@core", None]
    assert "/dev/vda 12.0 GiB" in plan.notices[2]


def test_a_card_by_mac_gets_its_name(machine: Machine, image: ImageInfo) -> None:
    plan = make_plan(ks("network --device=52:54:00:00:00:01"), machine, image)
    assert plan.networks[0].name == "ens3"


def test_link_is_the_first_card_with_a_carrier() -> None:
    cards = (Nic("a", "00:00:00:00:00:01", False), Nic("b", "00:00:00:00:00:02", True))
    assert pick("link", cards) == cards[1]
    assert pick("link", cards[:1]) == cards[0]
    assert pick("link", ()) is None
    assert pick("00:00:00:00:00:01", cards) == cards[0]


def test_cards_have_their_permanent_address() -> None:
    text = json.dumps(
        [
            {
                "ifname": "lo",
                "link_type": "loopback",
                "flags": ["UP", "LOWER_UP"],
                "address": "00:00:00:00:00:00",
            },
            {
                "ifname": "eth0",
                "link_type": "ether",
                "flags": ["UP", "LOWER_UP"],
                "address": "52:54:00:AA:00:01",
            },
            {
                "ifname": "eth1",
                "link_type": "ether",
                "flags": [],
                "address": "x",
                "permaddr": "52:54:00:00:00:02",
            },
            {"ifname": "br0", "link_type": "ether", "flags": [], "address": "52:54:00:aa:00:03"},
        ]
    )
    assert parse_ip_link(text, {"lo", "eth0", "eth1"}) == (
        Nic("eth0", "52:54:00:aa:00:01", True),
        Nic("eth1", "52:54:00:00:00:02", False),
    )
