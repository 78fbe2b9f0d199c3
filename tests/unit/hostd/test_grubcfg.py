"""The boot menu."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.grubcfg import BootEntry, kernel_command_line, render_grub_cfg, render_stub

ENTRY = BootEntry(
    version="2.1.0",
    dataset="antlets/ROOT/2.1.0",
    pool_guid=17293822569102704640,
    hostid=0xABCDEF,
    kernel_args=("mitigations=auto",),
    append=("console=tty0", "console=ttyS1,57600n8"),
)


def test_the_kernel_finds_its_root_by_guid() -> None:
    assert " ".join(kernel_command_line(ENTRY)) == (
        "root=zfs:antlets/ROOT/2.1.0 edgelinux.pool=17293822569102704640 spl_hostid=0x00abcdef panic=30 "
        "mitigations=auto console=tty0 console=ttyS1,57600n8"
    )


def test_menu() -> None:
    assert (
        render_grub_cfg([ENTRY])
        == """\
# Written by edgeLinux on every ESP, the same on each; changes here are lost.
set default=0
set timeout=3
if serial --unit=1 --speed=57600; then
    terminal_input console serial
    terminal_output console serial
fi
menuentry 'edgeLinux OS 2.1.0' --id edgelinux-2.1.0 {
    linux /edgelinux/2.1.0/vmlinuz root=zfs:antlets/ROOT/2.1.0 edgelinux.pool=17293822569102704640 \
spl_hostid=0x00abcdef panic=30 mitigations=auto console=tty0 console=ttyS1,57600n8
    initrd /edgelinux/2.1.0/initramfs.img
}
if [ "$grub_platform" = "efi" ]; then
    menuentry 'Firmware settings' --id firmware {
        fwsetup
    }
fi
"""
    )


def test_without_a_serial_console_grub_leaves_the_port_alone() -> None:
    assert "serial" not in render_grub_cfg([replace(ENTRY, append=("console=tty0",))])


def test_entries_keep_their_order() -> None:
    text = render_grub_cfg([replace(ENTRY, timeout=10), replace(ENTRY, version="2.0.0")])
    assert text.index("edgelinux-2.1.0") < text.index("edgelinux-2.0.0")
    assert "set timeout=10" in text


def test_no_entries() -> None:
    with pytest.raises(EdgeLinuxError, match="at least one"):
        render_grub_cfg([])


def test_odd_arguments_stay_one_word() -> None:
    text = render_grub_cfg([replace(ENTRY, append=("dyndbg=file it's.c +p", "a=$b;c"))])
    assert r"""'dyndbg=file it'\''s.c +p' 'a=$b;c'""" in text


@pytest.mark.parametrize("argument", ["a\nb", "a\x00", "\x1b[2J"])
def test_arguments_with_control_characters_are_refused(argument: str) -> None:
    with pytest.raises(EdgeLinuxError, match="control characters"):
        render_grub_cfg([replace(ENTRY, append=(argument,))])


def test_stub_leads_to_the_menu_on_the_same_partition() -> None:
    assert render_stub().splitlines()[-1] == "configfile ($root)/edgelinux/grub.cfg"


@pytest.mark.skipif(not shutil.which("grub-script-check"), reason="needs grub-script-check")
def test_grub_understands_it() -> None:
    odd = replace(ENTRY, append=("console=ttyS0", "dyndbg=file it's.c +p"))
    for text in (render_grub_cfg([ENTRY, odd]), render_stub()):
        subprocess.run(["grub-script-check"], input=text, text=True, check=True)
