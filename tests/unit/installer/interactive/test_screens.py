"""The text installer on a real pseudo-terminal of 80 by 24, driven by keys; asserts what a person sees."""

from __future__ import annotations

import http.server
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edgelinux_installer.interactive.answers import plan
from edgelinux_installer.kickstart import read_kickstart

from tests.screen import Terminal
from tests.unit.installer.interactive.machine import KEY, make_world

ROOT = Path(__file__).resolve().parents[4]
CHILD = "tests.unit.installer.interactive.child"
GOLDEN = Path(__file__).with_name("typed.ks")

Forms = Callable[..., Terminal]


@pytest.fixture
def forms(tmp_path: Path) -> Iterator[Forms]:
    open_ones: list[Terminal] = []

    def start(
        goes: str = "well", *more: str, columns: int = 80, rows: int = 24, term: str = "linux"
    ) -> Terminal:
        argv = [sys.executable, "-m", CHILD, str(tmp_path), goes, *more]
        path = os.pathsep.join(str(ROOT / name) for name in ("build", "kickstart", "hostd", "."))
        env = {"TERM": term, "PYTHONPATH": path}
        terminal = Terminal(argv, columns=columns, rows=rows, env=env)
        open_ones.append(terminal)
        return terminal

    yield start
    for terminal in open_ones:
        terminal.close()


def to_disks(terminal: Terminal) -> None:
    terminal.wait_for("Continue")
    terminal.choose("Continue")
    terminal.wait_for("1 of 5")


def choose_disks(terminal: Terminal, *names: str) -> None:
    for name in names:
        terminal.go_to(name)
        terminal.type("space")
    terminal.choose("Continue")


def to_network(terminal: Terminal) -> None:
    to_disks(terminal)
    choose_disks(terminal, "/dev/nvme0n1", "/dev/nvme1n1")
    terminal.wait_for("2 of 5")


def to_access(terminal: Terminal) -> None:
    to_network(terminal)
    terminal.choose("Continue")
    terminal.wait_for("3 of 5")
    terminal.choose("Continue")
    terminal.wait_for("4 of 5")


def passwords(terminal: Terminal, first: str, second: str) -> None:
    terminal.go_to("Password of root")
    terminal.type(first, "tab", second)


def to_summary(terminal: Terminal) -> None:
    to_access(terminal)
    passwords(terminal, "correct horse", "correct horse")
    terminal.choose("Continue")
    terminal.wait_for("5 of 5")


def install(terminal: Terminal) -> None:
    to_summary(terminal)
    terminal.go_to("Type erase to install")
    terminal.type("erase")
    terminal.choose("Install")


def line_after(screen: str, text: str) -> str:
    lines = screen.splitlines()
    number = next(number for number, line in enumerate(lines) if text in line)
    return lines[number + 1].strip()


# Disks


def test_disks_are_told_apart_and_the_medium_is_not_offered(forms: Forms) -> None:
    terminal = forms()
    to_disks(terminal)
    screen = terminal.text
    assert "[ ] /dev/nvme0n1  894.3 GiB  SAMSUNG MZQL2960HCJR-00A07" in screen
    assert "serial S64FNE0R500000, NVME; blank: nothing on it was recognized" in screen
    assert line_after(screen, "/dev/nvme1n1").endswith("holds: gpt, ext4 old-data on nvme1n1p1")
    assert "cannot be used: too small, 3.7 of 8 GiB" in screen
    assert "cannot be used: mounted at /mnt/archive" in screen
    assert "Ultra Fit" not in screen
    assert "/dev/sda" not in screen


def test_no_disk_chosen(forms: Forms) -> None:
    terminal = forms()
    to_disks(terminal)
    terminal.choose("Continue")
    assert "!! no disk is chosen: go to one and press Space" in terminal.wait_for("!!")
    assert "1 of 5" in terminal.text


def test_one_disk_is_no_mirror_and_may_be_single(forms: Forms) -> None:
    terminal = forms()
    to_disks(terminal)
    choose_disks(terminal, "/dev/nvme0n1")
    assert "!! a mirror needs two disks or more" in terminal.wait_for("!!")
    terminal.choose("single")
    terminal.choose("Continue")
    terminal.wait_for("2 of 5")


# Network


def test_cards_are_told_apart(forms: Forms) -> None:
    terminal = forms()
    to_network(terminal)
    assert "(X) eno1  3c:ec:ef:00:00:01  link  driver igb" in terminal.text
    assert "( ) eno2  3c:ec:ef:00:00:02  no link  driver igb" in terminal.text


@pytest.mark.parametrize(
    ("address", "gateway", "message"),
    [
        ("192.0.2.300/24", "", "!! '192.0.2.300/24' is not an IPv4 address with its prefix"),
        ("192.0.2.10", "", "!! '192.0.2.10' lacks the prefix of its subnet"),
        ("192.0.2.10/24", "198.51.100.1", "!! 198.51.100.1 is outside the subnet 192.0.2.0/24"),
        ("", "", "!! static needs an address"),
    ],
)
def test_bad_addresses(forms: Forms, address: str, gateway: str, message: str) -> None:
    terminal = forms()
    to_network(terminal)
    terminal.choose("fixed address")
    terminal.wait_for("Gateway")
    for label, text in (("Address/prefix", address), ("Gateway", gateway)):
        if text:
            terminal.go_to(label)
            terminal.type(text)
    terminal.choose("Continue")
    assert message in terminal.wait_for("!!")
    assert "2 of 5" in terminal.text


def test_a_host_name_and_a_vlan_that_are_none(forms: Forms) -> None:
    terminal = forms()
    to_network(terminal)
    terminal.go_to("Host name")
    terminal.type("_")
    terminal.go_to("VLAN")
    terminal.type("5000")
    terminal.choose("Continue")
    screen = terminal.wait_for("!!")
    assert "!! 'edgelinux_' is not a host name" in screen
    assert "!! is not the number of a VLAN (1 to 4094)" in screen


def test_the_live_check_says_what_works_and_does_not_keep_anybody(forms: Forms) -> None:
    terminal = forms()
    to_network(terminal)
    terminal.choose("Check the network now")
    screen = terminal.wait_for("name server")
    assert "ok  gateway 192.0.2.1 answers" in screen
    assert "NO  name server 192.0.2.53 does not answer" in screen
    terminal.choose("Continue")
    terminal.wait_for("3 of 5")


# Time zone and keyboard


def test_lists_are_searched(forms: Forms, tmp_path: Path) -> None:
    terminal = forms()
    to_network(terminal)
    terminal.choose("Continue")
    terminal.wait_for("3 of 5")
    terminal.choose("Time zone")
    terminal.wait_for("Search")
    terminal.type("ber")
    screen = terminal.wait_for("Europe/Bern")
    assert "Europe/Berlin" in screen
    assert "Asia/Tokyo" not in screen
    terminal.choose("Europe/Berlin")
    terminal.wait_for("Time zone: +Europe/Berlin")
    terminal.choose("Keyboard layout")
    terminal.wait_for("Search")
    terminal.type("zz")
    terminal.wait_for("Nothing has that in its name")
    terminal.type("backspace", "backspace", "de")
    terminal.choose("de")
    terminal.wait_for("Keyboard layout: +de")


# Logging in


def test_mismatching_passwords(forms: Forms) -> None:
    terminal = forms()
    to_access(terminal)
    passwords(terminal, "correct horse", "correct house")
    assert "correct" not in terminal.text
    terminal.choose("Continue")
    assert "!! the two passwords differ: type the same one twice" in terminal.wait_for("!!")


def test_what_is_typed_is_not_in_the_log(forms: Forms, tmp_path: Path) -> None:
    terminal = forms()
    to_summary(terminal)
    log = (tmp_path / "install.log").read_text()
    assert "openssl passwd -6 -stdin" in log
    assert "correct horse" not in log
    assert "$6$" not in log
    # One key at a time, as urwid sees them.
    assert "'c', 'o', 'r'" not in log
    assert "['h']" not in log
    assert "Processing input" not in log


def test_a_weak_password_is_called_so(forms: Forms) -> None:
    terminal = forms()
    to_access(terminal)
    terminal.go_to("Password of root")
    terminal.type("abc")
    terminal.wait_for("weak: 3 characters")


def test_neither_password_nor_key(forms: Forms) -> None:
    terminal = forms()
    to_access(terminal)
    terminal.choose("Continue")
    assert "!! nobody could log in to the host: give a password, or a key, or both" in terminal.wait_for("!!")


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/NAME.keys"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(f"{KEY}\n".encode() if found else b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def test_keys_from_an_address_are_shown_before_they_are_accepted(forms: Forms, server: str) -> None:
    terminal = forms()
    to_access(terminal)
    terminal.go_to("SSH key")
    terminal.type(f"{server}/NAME.keys")
    terminal.choose("Add the key")
    screen = " ".join(terminal.wait_for("Accept these keys").split())
    assert "SHA256:" in screen
    assert "(ED25519) me@desk" in screen
    assert "without encryption: compare the fingerprints" in screen
    terminal.choose("Accept")
    terminal.wait_for("remove: SHA256:")
    terminal.choose("Continue")
    assert "no password" in terminal.wait_for("5 of 5")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1/NAME.keys", r"!! http://127.0.0.1:1/NAME.keys: .*Connection refused"),
        ("SERVER/nobody.keys", r"nobody.keys: 404 Not Found \(check the name in it\)"),
        ("ftp://127.0.0.1/keys", r"!! cannot fetch keys from ftp://127.0.0.1/keys"),
        ("ssh-ed25519 AAAA", r"!! the SSH public key is damaged"),
    ],
)
def test_keys_that_do_not_come(forms: Forms, server: str, url: str, message: str) -> None:
    terminal = forms()
    to_access(terminal)
    terminal.go_to("SSH key")
    terminal.type(url.replace("SERVER", server))
    terminal.choose("Add the key")
    terminal.wait_for(message)
    assert "4 of 5" in terminal.text


# Summary and installation


def test_the_summary_says_what_is_erased_and_waits_for_the_word(forms: Forms, tmp_path: Path) -> None:
    terminal = forms()
    to_summary(terminal)
    screen = terminal.text
    assert "ERASED: /dev/nvme0n1  894.3 GiB  SAMSUNG MZQL2960HCJR-00A07" in screen
    assert "serial S64FNE0R500001, NVME; holds: gpt, ext4 old-data on nvme1n1p1" in screen
    for wrong in ("", "yes", "-ERASE"):
        terminal.go_to("Type erase to install")
        terminal.type(wrong)
        terminal.choose("Install")
        assert "!! nothing is done until the word erase stands here" in terminal.wait_for("!!")
    assert not (tmp_path / "installed.ks").exists()


def test_what_was_typed_installs_as_the_same_kickstart_does(forms: Forms, tmp_path: Path) -> None:
    terminal = forms()
    install(terminal)
    screen = terminal.wait_for("Installed")
    assert "Installation complete after" in screen
    typed = (tmp_path / "installed.ks").read_text()
    # All that differs from one time to the next is the salt.
    (hashed,) = [word for word in typed.split() if word.startswith("'$6$")]
    if os.environ.get("EDGELINUX_GOLDEN"):
        GOLDEN.write_text(typed.replace(hashed, "'HASH'"))
    assert typed.replace(hashed, "'HASH'") == GOLDEN.read_text()
    world = make_world()
    ks = read_kickstart(typed, "/run/initramfs/live/edgelinux/ks.cfg")
    assert plan(typed, world).disks == tuple(world.disk(name) for name in ("nvme0n1", "nvme1n1"))
    assert ks.root
    assert ks.root.crypted
    terminal.choose("Restart now")
    assert terminal.end() == 0
    assert (tmp_path / "rebooted").exists()


def test_the_kickstart_can_be_saved_to_a_stick_that_is_no_target(forms: Forms, tmp_path: Path) -> None:
    terminal = forms()
    to_summary(terminal)
    terminal.choose("Save the kickstart")
    screen = terminal.wait_for("Save the kickstart to")
    assert "/dev/sdb1 vfat NOTES, 7.4 GiB" in screen
    assert "/dev/sda" not in screen
    terminal.choose("/dev/sdb1")
    terminal.wait_for(r"edgelinux-edgelinux\.ks is on /dev/sdb1")
    assert (tmp_path / "saved.ks").read_text().startswith("# Kickstart of an edgeLinux OS host")


@pytest.mark.parametrize(
    ("goes", "step"), [("early", "Checking the medium"), ("network", "Fetching the antlet templates")]
)
def test_a_failure_before_any_disk_was_touched_leads_back(forms: Forms, goes: str, step: str) -> None:
    """After a network boot, another step comes before the disks."""
    terminal = forms(goes)
    install(terminal)
    screen = " ".join(terminal.wait_for("INSTALLATION FAILED").split())
    assert f"INSTALLATION FAILED: {step}: it broke" in screen
    assert "No disk was touched" in screen
    terminal.choose("Back to the forms")
    terminal.wait_for("5 of 5")


def test_a_failure_later_does_not(forms: Forms) -> None:
    terminal = forms("late")
    install(terminal)
    screen = " ".join(terminal.wait_for("INSTALLATION FAILED").split())
    assert "INSTALLATION FAILED: Writing the system: it broke" in screen
    assert "This machine was not made bootable and does not restart by itself" in screen
    assert "Back to the forms" not in screen
    terminal.choose("A shell")
    assert terminal.end() == 1
    assert b"INSTALLATION FAILED: Writing the system: it broke" in terminal.raw


def test_an_installation_is_stopped_only_after_asking(forms: Forms) -> None:
    terminal = forms("slow")
    install(terminal)
    screen = terminal.wait_for("Step 3 of 4: Writing the system")
    assert "50 %" in screen
    terminal.type("ctrl c")
    terminal.wait_for("what its disks held is lost")
    terminal.choose("Go on installing")
    terminal.wait_for("Step 3 of 4")
    terminal.type("ctrl c")
    terminal.choose("Stop it")
    terminal.wait_for("INSTALLATION FAILED: interrupted", 60)


def test_a_dry_run_ends_at_the_summary(forms: Forms, tmp_path: Path) -> None:
    terminal = forms("well", "dry")
    terminal.wait_for("dry run")
    to_summary(terminal)
    terminal.go_to("Type erase to install")
    terminal.type("erase")
    terminal.choose("Check only")
    assert terminal.end() == 0
    assert b"nothing was installed" in terminal.raw
    assert not (tmp_path / "installed.ks").exists()


# The terminal


def test_ctrl_c_asks(forms: Forms) -> None:
    terminal = forms()
    to_disks(terminal)
    terminal.type("ctrl c")
    terminal.wait_for("Nothing on this machine's disks has been changed")
    terminal.choose("Go on installing")
    terminal.wait_for("1 of 5")
    terminal.type("ctrl c")
    terminal.choose("Leave")
    assert terminal.end() == 1


def test_esc_goes_back_and_what_was_typed_stays(forms: Forms) -> None:
    terminal = forms()
    to_network(terminal)
    terminal.go_to("Host name")
    terminal.type("7", "esc")
    terminal.wait_for("1 of 5")
    assert "[X] /dev/nvme0n1" in terminal.text
    terminal.choose("Continue")
    terminal.wait_for(r"\[edgelinux7")


def test_a_small_terminal_scrolls_and_a_tiny_one_says_so(forms: Forms) -> None:
    small = forms(columns=60, rows=16)
    to_summary(small)
    small.go_to("Type erase to install")
    tiny = forms(columns=30, rows=8)
    tiny.wait_for("too small: 30x8, of 80x24|installer runs on")


def test_one_console_at_a_time(forms: Forms) -> None:
    first, second = forms(), forms()
    second.wait_for("Continue")
    to_disks(first)
    second.wait_for(r"The installer runs on /dev/pts/\d+")
    second.type("enter")
    assert "1 of 5" not in second.text
    first.type("ctrl c")
    first.choose("Leave")
    first.end()
    second.wait_for("Continue")


def test_a_hardware_terminal_gets_ascii_only(forms: Forms) -> None:
    terminal = forms(term="vt220")
    to_summary(terminal)
    assert terminal.raw.isascii()
    assert "-" * 80 in terminal.text
