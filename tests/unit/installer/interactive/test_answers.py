"""What the forms decide: answers, kickstarts, keys, passwords, and when they ask at all."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.interactive import passwords, saving
from edgelinux_installer.interactive.answers import (
    Answers,
    check,
    first_answers,
    kickstart,
    plan,
    stable_name,
)
from edgelinux_installer.interactive.asking import should_ask
from edgelinux_installer.interactive.keys import fetch_keys, parse_key, parse_keys
from edgelinux_installer.interactive.pages.place import matching
from edgelinux_installer.interactive.pages.summary import summary
from edgelinux_installer.interactive.terminal import describe
from edgelinux_installer.interactive.turn import Turn
from edgelinux_installer.interactive.world import Place, World, keyboards, serial_console
from edgelinux_installer.kickstart import read_kickstart

from tests.unit.installer.interactive.machine import KEY, make_world

HASH = "$6$0123456789abcdef$" + "a" * 86


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def answers(world: World) -> Answers:
    return replace(first_answers(world), disks=("nvme0n1", "nvme1n1"), password_hash=HASH)


# Answers


def test_complete_answers_have_no_problem(answers: Answers, world: World) -> None:
    assert [check(answers, world, page) for page in ("disks", "network", "place", "access")] == [{}] * 4


@pytest.mark.parametrize(
    ("page", "changes", "field", "message"),
    [
        ("disks", {"disks": ()}, "disks", "no disk is chosen: go to one and press Space"),
        ("disks", {"disks": ("nvme0n1",)}, "disks", "a mirror needs two disks or more"),
        ("disks", {"layout": "single"}, "disks", "layout single has one disk, not 2"),
        ("disks", {"disks": ("nvme0n1", "nvme1n1", "sdb", "sdc", "sdd")}, "disks", "three or four disks"),
        ("disks", {"disks": ("nvme0n1", "sdc")}, "disks", "/dev/sdc cannot be taken: too small"),
        ("network", {"hostname": ""}, "hostname", "'' is not a host name"),
        ("network", {"hostname": "a" * 65}, "hostname", "is not a host name"),
        ("network", {"nic": "52:54:00:00:00:99"}, "nic", "there is no network card 52:54:00:00:00:99"),
        ("network", {"method": "static"}, "address", "static needs an address"),
        ("network", {"method": "static", "address": "1.2.3.4"}, "address", "lacks the prefix"),
        ("network", {"method": "static", "address": "::1/64"}, "address", "is not an IPv4 address"),
        ("network", {"vlan": "a"}, "vlan", "is not the number of a VLAN (1 to 4094)"),
        ("network", {"vlan": "4095"}, "vlan", "is not the number of a VLAN (1 to 4094)"),
        ("place", {"timezone": "Mars/Base"}, "timezone", "'Mars/Base' is not a time zone"),
        ("place", {"keyboard": "DE"}, "keyboard", "'DE' is not a keyboard layout"),
        ("access", {"password_hash": ""}, "password", "nobody could log in to the host"),
        ("access", {"ssh_keys": ("x",)}, "key", "this is not an SSH public key"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    answers: Answers, world: World, page: Any, changes: dict[str, Any], field: str, message: str
) -> None:
    found = check(replace(answers, **changes), world, page)
    assert list(found) == [field]
    assert message in found[field]
    assert "\n" not in found[field]
    assert FORM_FREE not in found[field]


FORM_FREE = "the answers:"


@pytest.mark.parametrize(
    ("servers", "message"), [("192.0.2.1, 192.0.2.2", ""), ("192.0.2.1 dns.example", "is not an IP address")]
)
def test_name_servers_are_a_list(answers: Answers, world: World, servers: str, message: str) -> None:
    typed = replace(answers, method="static", address="192.0.2.10/24", nameservers=servers)
    found = check(typed, world, "network")
    assert (message in found["nameservers"]) if message else not found


def test_all_that_was_typed_is_in_the_kickstart(answers: Answers, world: World) -> None:
    typed = replace(
        answers,
        hostname="edge9",
        method="static",
        address="192.0.2.10/24",
        gateway="192.0.2.1",
        nameservers="192.0.2.53",
        vlan="30",
        timezone="Europe/Berlin",
        keyboard="de",
        ssh_keys=(KEY,),
    )
    text = kickstart(typed, world)
    ks = read_kickstart(text, "ks.cfg")
    assert (ks.hostname, ks.timezone, ks.keyboard) == ("edge9", "Europe/Berlin", "de")
    assert ks.root
    assert (ks.root.password, ks.root.crypted) == (HASH, True)
    assert [key.key for key in ks.ssh_keys] == [KEY]
    planned = plan(text, world)
    assert [disk.name for disk in planned.disks] == ["nvme0n1", "nvme1n1"]
    lines = summary(planned, True, [])
    assert "Network:   br0 over eno1 (3c:ec:ef:00:00:01), VLAN 30, 192.0.2.10/255.255.255.0" in lines
    assert sum(line.startswith("ERASED: ") for line in lines) == 2


def test_only_disks_that_hold_something_need_the_right_to_be_erased(answers: Answers, world: World) -> None:
    assert "clearpart --all" in kickstart(answers, world)
    blank = replace(answers, disks=("nvme0n1",), layout="single")
    assert "clearpart --all" not in kickstart(blank, world)


def test_a_disk_is_named_by_what_is_printed_on_it(world: World) -> None:
    disk = world.disk("nvme0n1")
    assert stable_name(disk) == "/dev/disk/by-id/nvme-SAMSUNG_MZQL2960HCJR-00A07_S64FNE0R500000"
    wwn = ("/dev/disk/by-id/wwn-0x5", "/dev/disk/by-path/pci-1")
    assert stable_name(replace(disk, links=wwn)) == "/dev/disk/by-id/wwn-0x5"
    assert stable_name(replace(disk, links=("/dev/disk/by-id/a*",))) == "/dev/nvme0n1"


# Whether to ask


@pytest.mark.parametrize(
    ("line", "site", "asks"),
    [
        ("rd.live.image edgelinux.install=ask", None, True),
        ("rd.live.image edgelinux.install=ask inst.ks=", None, True),
        ("rd.live.image edgelinux.install", None, False),
        ("rd.live.image", None, False),
        ("edgelinux.install=ask inst.ks=http://192.0.2.1/ks", None, False),
        ("edgelinux.install=ask", "a kickstart", False),
    ],
)
def test_whether_to_ask(line: str, site: object, asks: bool) -> None:
    assert should_ask(line, Path("/medium"), lambda medium: site) is asks


def test_a_stick_whose_kickstarts_cannot_be_read_is_left_to_the_installation() -> None:
    def broken(medium: Path) -> None:
        raise EdgeLinuxError("the kickstarts on the stick cannot be read")

    assert should_ask("edgelinux.install=ask", Path("/medium"), broken) is False


# Keys and passwords


def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    for kind in ("ed25519", "rsa", "ecdsa"):
        file = tmp_path / kind
        argv = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me@desk", "-f", str(file)]
        subprocess.run(argv, check=True)
        shown = subprocess.run(["ssh-keygen", "-lf", str(file)], check=True, capture_output=True, text=True)
        _, fingerprint, comment, name = shown.stdout.split()
        key = parse_key(file.with_suffix(".pub").read_text())
        assert (key.fingerprint, key.comment, f"({key.kind})") == (fingerprint, comment, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x has no SSH public key"),
        ("<html>", "x: line 1: this is not an SSH public key"),
        (f"{KEY}\nssh-rsa AAAA", "x: line 2: the SSH public key is damaged"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "x: line 1: this is a private key, which must stay secret"),
    ],
)
def test_lists_of_keys_that_are_none(text: str, message: str) -> None:
    with pytest.raises(EdgeLinuxError, match=message):
        parse_keys(text, "x")
    assert len(parse_keys(f"# mine\n{KEY}\n\n{KEY}\n", "x")) == 1


def test_addresses_of_files_on_this_machine_are_refused() -> None:
    with pytest.raises(EdgeLinuxError, match="cannot fetch keys from file:///etc/passwd"):
        fetch_keys("file:///etc/passwd")


def test_the_hash_is_one_that_a_site_file_takes_and_that_opens() -> None:
    word = "correct horse ü"
    hashed = passwords.hash_password(word)
    assert hashed.startswith("$6$")
    salt = hashed.split("$")[2]
    argv = ["openssl", "passwd", "-6", "-salt", salt, "-stdin"]
    again = subprocess.run(argv, input=f"{word}\n", check=True, capture_output=True, text=True)
    assert again.stdout.strip() == hashed
    assert passwords.hash_password(word) != hashed


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("a", "a", ""),
        ("", "", ""),
        ("a", "b", "differ"),
        ("a\x1b", "a\x1b", "control character"),
        ("a" * 256, "a" * 256, "longer than 255 bytes"),
    ],
)
def test_passwords_are_compared(first: str, second: str, message: str) -> None:
    found = passwords.check_passwords(first, second)
    assert (message in found) if message else not found


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("", ""),
        ("abc", "weak"),
        ("aaaaaaaaaaaaaaaa", "weak"),
        ("sunshines", "fair"),
        ("correct horse", "good"),
    ],
)
def test_how_good_a_password_is(password: str, word: str) -> None:
    assert passwords.hint(password).partition(":")[0] == word


# The machine


def test_layouts_are_those_of_the_tree(tmp_path: Path) -> None:
    assert "us" in keyboards(tmp_path)
    maps = tmp_path / "usr/lib/kbd/keymaps/xkb"
    maps.mkdir(parents=True)
    for name in ("de.map.gz", "de-nodeadkeys.map.gz", "README"):
        (maps / name).touch()
    assert keyboards(tmp_path) == ("de", "de-nodeadkeys")
    rules = tmp_path / "usr/share/X11/xkb/rules/base.lst"
    rules.parent.mkdir(parents=True)
    sections = ("! model", "  pc105  PC", "", "! layout", "  us  English", "  custom  A", "  fr  French", "")
    rules.write_text("\n".join((*sections, "! variant", "  x us: y", "")))
    assert keyboards(tmp_path) == ("fr", "us")


@pytest.mark.parametrize(
    ("line", "console"),
    [
        ("console=tty0 console=ttyS0,115200", "ttyS0,115200"),
        ("console=ttyS1 quiet", "ttyS1"),
        ("console=tty0", ""),
        ("xconsole=ttyS0", ""),
    ],
)
def test_the_host_gets_the_live_systems_serial_console(line: str, console: str) -> None:
    assert serial_console(line) == console


def test_places_to_save_to_are_sticks_but_not_the_medium(world: World) -> None:
    assert world.places == (Place("/dev/sdb1", "vfat", "NOTES", 7998951424, "sdb"),)


def test_names_are_found_by_their_parts() -> None:
    names = ("America/New_York", "Europe/Bern", "Europe/Oberhausen", "Asia/Tokyo")
    assert matching(names, "") == list(names)
    assert matching(names, "new york") == ["America/New_York"]
    assert matching(names, "ber") == ["Europe/Bern", "Europe/Oberhausen"]


# The terminal, and whose turn it is


@pytest.mark.parametrize(
    ("term", "codeset", "unicode", "colours"),
    [
        ("linux", "UTF-8", True, 16),
        ("vt220", "UTF-8", False, 1),
        ("linux", "ANSI_X3.4-1968", False, 16),
        ("xterm-256color", "utf8", True, 16),
        ("foot", "nonsense", False, 1),
    ],
)
def test_what_a_terminal_can_show(term: str, codeset: str, unicode: bool, colours: int) -> None:
    found = describe("/dev/ttyS0", {"TERM": term}, codeset)
    assert (found.unicode, found.colours) == (unicode, colours)
    assert found.line == ("─" if unicode else "-")
    assert found.serial


def test_one_console_has_the_turn(tmp_path: Path) -> None:
    first, second = Turn(tmp_path / "run/lock", "/dev/tty1"), Turn(tmp_path / "run/lock", "/dev/ttyS0")
    assert (first.taken_by(), second.taken_by()) == ("", "")
    assert second.take()
    assert not first.take()
    assert (first.taken_by(), second.taken_by()) == ("/dev/ttyS0", "")
    second.close()
    assert first.take()


# Saving


def test_a_saved_kickstart_is_written_and_synced_and_the_place_unmounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real file system in a file: that of the stick, whatever the kernel here can mount."""
    image = tmp_path / "stick"
    with image.open("wb") as file:
        file.truncate(8 * 2**20)
    _output("mkfs.ext4", "-q", "-F", image)
    try:
        device = _output("losetup", "-f", "--show", image).strip()
    except subprocess.CalledProcessError:
        pytest.skip("no loop devices here")
    place = Place(device, "ext4", "", 8 * 2**20, "loop")
    try:
        try:
            assert saving.save(place, "edge1", "# typed\n", folder=tmp_path) == "edgelinux-edge1.ks"
        except EdgeLinuxError as error:
            pytest.skip(f"no right to mount here: {error}")
        assert device not in Path("/proc/mounts").read_text()
        assert _output("debugfs", "-R", "cat edgelinux-edge1.ks", image) == "# typed\n"
        with pytest.raises(EdgeLinuxError, match=f"{device} cannot be mounted: "):
            saving.save(replace(place, kind="vfat"), "edge1", "x", folder=tmp_path)
    finally:
        _output("losetup", "-d", device)


def _output(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_what_was_typed_is_kept_where_only_root_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "run/kickstart.cfg"
    file.parent.mkdir()
    file.write_text("old")
    file.chmod(0o644)
    saving.keep(file, "new")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600
