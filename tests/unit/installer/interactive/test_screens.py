"""The text installer on a real pseudo-terminal, driven by keys: its questions, as a person sees them."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.installer.interactive.machine import KEY
from tests.unit.installer.interactive.pages import (
    Forms,
    choose_disks,
    line_after,
    passwords,
    to_access,
    to_disks,
    to_network,
    to_summary,
)

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
