"""The text installer on a real pseudo-terminal, driven by keys: after its questions, and the terminal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from edgelinux_installer.interactive.answers import plan
from edgelinux_installer.kickstart import read_kickstart

from tests.unit.installer.interactive.machine import make_world
from tests.unit.installer.interactive.pages import Forms, install, to_disks, to_network, to_summary

GOLDEN = Path(__file__).with_name("typed.ks")


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
