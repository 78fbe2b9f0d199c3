from __future__ import annotations

import re
from dataclasses import replace

import pytest
from edgelinux_build.menu import (
    Menu,
    live_arguments,
    network_arguments,
    parse_serial,
    render_grub_cfg,
    render_search_cfg,
    volume_label,
)
from edgelinux_hostd.errors import EdgeLinuxError

MENU = Menu("Small OS", "1.2.3", "Base 1", "EDGELINUX_0123ABCD", False, "ttyS0,115200", ("quiet",))
LIVE = (
    "root=live:CDLABEL=EDGELINUX_0123ABCD rd.live.image rd.live.dir=/live "
    "rd.live.squashimg=edgelinux.squashfs rd.live.overlay.overlayfs=1 console=tty0 console=ttyS0,115200 quiet"
)


def kernel_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("linux ")]


def test_the_label_changes_with_system_and_kickstart() -> None:
    label = volume_label("00", "ks")
    assert re.fullmatch(r"EDGELINUX_[0-9A-F]{8}", label)
    assert label == volume_label("00", "ks")
    assert len({label, volume_label("01", "ks"), volume_label("00", "sk")}) == 3


def test_the_live_command_line() -> None:
    assert live_arguments(MENU) == LIVE
    assert live_arguments(replace(MENU, serial="", kernel_args=())).endswith("overlayfs=1 console=tty0")


def test_the_command_line_of_a_network_boot() -> None:
    assert network_arguments(MENU, "http://10.0.2.2:8000/os/", "ab" * 64) == (
        "root=live:http://10.0.2.2:8000/os/live/edgelinux.squashfs rd.live.image rd.live.overlay.overlayfs=1 "
        f"ip=dhcp rd.neednet=1 edgelinux.medium=http://10.0.2.2:8000/os edgelinux.sha512={'ab' * 64} "
        "console=tty0 console=ttyS0,115200 quiet"
    )


def test_a_network_boot_with_everything() -> None:
    words = network_arguments(
        MENU,
        "https://server/os",
        "ab" * 64,
        ks="https://server/ks",
        cert="cd" * 32,
        notify="https://server/report",
        token="se-cret_1",
        mac="52:54:00:AB:cd:01",
    ).split()
    assert {
        "inst.ks=https://server/ks",
        f"edgelinux.cert={'cd' * 32}",
        "edgelinux.notify=https://server/report",
        "edgelinux.token=se-cret_1",
        "BOOTIF=01-52-54-00-ab-cd-01",
    } <= set(words)
    assert words[-2:] == ["console=ttyS0,115200", "quiet"]
    assert "edgelinux.install" not in words


def test_a_boot_loader_fills_in_its_variables() -> None:
    words = network_arguments(
        MENU, "http://${next-server}/os", "0" * 128, mac="${net0/mac:hexhyp}", ks="http://${next-server}/ks"
    ).split()
    assert "BOOTIF=01-${net0/mac:hexhyp}" in words
    assert "root=live:http://${next-server}/os/live/edgelinux.squashfs" in words


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("base_url", "ftp://server/os", "edgelinux.medium=ftp://server/os cannot be booted with"),
        ("base_url", "http://a server/os", "not an http or https URL"),
        ("base_url", 'http://server/"', "not an http or https URL"),
        ("base_url", "http://server/" + "x" * 900, "is too long"),
        ("sha512", "ab", "not a SHA-512 in hexadecimal"),
        ("sha512", "", "not a SHA-512 in hexadecimal"),
        ("ks", "ks.cfg", "not a URL"),
        ("cert", "AB:CD", "not a SHA-256 in hexadecimal"),
        ("notify", "mailto:me", "not an http or https URL"),
        ("token", "a b", "not letters, digits"),
        ("mac", "52:54", "BOOTIF=01-52:54 cannot be booted with: it is not a MAC address"),
    ],
)
def test_a_network_boot_that_no_kernel_would_take(key: str, value: str, says: str) -> None:
    given = {"base_url": "http://server/os", "sha512": "ab" * 64, key: value}
    with pytest.raises(EdgeLinuxError, match=re.escape(says)):
        network_arguments(MENU, given.pop("base_url"), given.pop("sha512"), **given)


def test_an_attended_medium_boots_live_and_asks_before_installing() -> None:
    text = render_grub_cfg(MENU)
    assert "set default=live\n" in text
    assert "set default=install\n" not in text
    assert kernel_lines(text) == [
        f"linux /boot/vmlinuz {LIVE}",
        f"linux /boot/vmlinuz {LIVE} edgelinux.install",
        f"linux /boot/vmlinuz {LIVE} edgelinux.check-medium",
    ]
    # The installing entry lies in a submenu, behind an entry that goes back, without a timeout.
    submenu = text[text.index("submenu ") : text.index('menuentry "Check this medium')]
    assert submenu.index("set timeout=-1") < submenu.index("--id back") < submenu.index("--id install ")
    assert "edgelinux.install" in submenu
    assert "edgelinux.install" not in text.replace(submenu, "")


def test_an_unattended_medium_installs_once() -> None:
    text = render_grub_cfg(replace(MENU, unattended=True))
    chosen = text[text.index('if [ "$mine" = "yes" ]') : text.index("set timeout=5")]
    assert chosen.index("set default=disk") < chosen.index("else") < chosen.index("set default=install")
    assert "search --no-floppy --set=installed --file /edgelinux/installed/EDGELINUX_0123ABCD" in text
    assert "submenu" not in text
    assert 'menuentry "Install Small OS 1.2.3 now: ERASES DISKS as its kickstart says" --id install' in text


@pytest.mark.parametrize("unattended", [False, True])
def test_the_check_of_the_medium_installs_nothing(unattended: bool) -> None:
    text = render_grub_cfg(replace(MENU, unattended=unattended))
    entry = text[text.index('menuentry "Check this medium') :]
    (line,) = kernel_lines(entry[: entry.index("\n}\n")])
    assert line == f"linux /boot/vmlinuz {LIVE} edgelinux.check-medium"
    assert "default=check" not in text


@pytest.mark.parametrize("unattended", [False, True])
def test_blocks_are_closed(unattended: bool) -> None:
    text = render_grub_cfg(replace(MENU, unattended=unattended))
    words = re.findall(r"^\s*(if|fi)\b", text, re.M)
    assert words.count("if") == words.count("fi")
    assert text.count("{\n") == len(re.findall(r"^\s*}$", text, re.M))
    assert set(re.findall(r"--id (\S+)", text)) >= {"live", "install", "check", "disk"}


def test_the_serial_console() -> None:
    assert "serial --unit=1 --speed=9600" in render_grub_cfg(replace(MENU, serial="ttyS1"))
    assert "serial" not in render_grub_cfg(replace(MENU, serial=""))
    serial = parse_serial("ttyS1,57600n8")
    assert serial
    assert (serial.unit, serial.speed) == (1, 57600)
    with pytest.raises(EdgeLinuxError, match="is not like ttyS0,115200"):
        parse_serial("com1")


@pytest.mark.parametrize("name", ['a"b', "a\nb", "$(x)", "a{b", "a;b"])
def test_what_would_break_the_menu_is_refused(name: str) -> None:
    with pytest.raises(EdgeLinuxError, match="cannot stand in a boot menu"):
        render_grub_cfg(replace(MENU, product=name))


def test_the_stub_on_the_esp_takes_this_medium() -> None:
    assert render_search_cfg("EDGELINUX_0123ABCD").splitlines()[0] == (
        "search --no-floppy --set=root --label EDGELINUX_0123ABCD"
    )
