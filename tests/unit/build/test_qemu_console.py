"""What the console watcher takes for a failure, and what it lets pass."""

from __future__ import annotations

import pytest
from edgelinux_build.qemu.console import INSTALL_FAILED, ConsoleError, Watcher, strip_ansi

FAILURES = [
    ("[    2.71] Kernel panic - not syncing: VFS: Unable to mount root fs", "kernel panic"),
    ("[    1.0] Oops: 0002 [#1] PREEMPT SMP NOPTI", "kernel oops"),
    ("[    1.0] general protection fault, probably for non-canonical address: 0000 [#1] SMP", "kernel oops"),
    ("[    9.9] BUG: kernel NULL pointer dereference, address: 0000000000000000", "kernel bug"),
    ("[    9.9] kernel BUG at fs/ext4/inode.c:12!", "kernel bug"),
    ("You are in emergency mode. After logging in, type journalctl -xb", "emergency shell"),
    ("Entering emergency mode. Exit the shell to continue.", "emergency shell"),
    ("Give root password for maintenance", "emergency shell"),
    (
        "Cannot open access to console, the root account is locked.",
        "emergency shell",
    ),
    ("[  OK  ] Reached target \x1b[0;1;39memergency.target\x1b[0m - Emergency Mode.", "emergency shell"),
    ("Entering rescue mode...", "GRUB found nothing to boot"),
    ("BdsDxe: No bootable option or device was found.", "the firmware found nothing to boot"),
    ("\rINSTALLATION FAILED: there is no disk /dev/vda", INSTALL_FAILED),
]
PROMPTS = [
    ("dracut:/# ", "emergency shell"),
    ("grub rescue> ", "GRUB found nothing to boot"),
    ("\x1b[H\x1b[Jgrub> ", "GRUB found nothing to boot"),
]
HARMLESS = [
    "[   88.0] watchdog: BUG: soft lockup - CPU#1 stuck for 26s!",
    "[    0.1] DEBUG: nothing",
    "systemd[1]: Stopped target emergency-something",
    "[  OK  ] Started systemd-ask-password-console.path - Dispatch Password Requests to Console.",
    "installing the boot loader",
    "edge1 login: ",
]


@pytest.mark.parametrize(("line", "sign"), FAILURES)
def test_failures(line: str, sign: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        Watcher().feed(f"before\n{line}\r\nafter\n")
    assert caught.value.sign == sign
    assert caught.value.lines == ("before", strip_ansi(line), "after")


@pytest.mark.parametrize(("prompt", "sign"), PROMPTS)
def test_prompts_without_a_line_end(prompt: str, sign: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        Watcher().feed(prompt)
    assert caught.value.sign == sign


@pytest.mark.parametrize("line", HARMLESS)
def test_harmless(line: str) -> None:
    assert Watcher().feed(f"{line}\n") == [line.rstrip()]


def test_a_sign_in_pieces() -> None:
    watcher = Watcher()
    assert watcher.feed("[ 1.0] Kernel pa") == []
    with pytest.raises(ConsoleError):
        watcher.feed("nic - not syncing: x")


def test_a_carriage_return_begins_a_line() -> None:
    watcher = Watcher()
    assert watcher.feed("[ 1.0] unfinished\r\x1b[Kedge 10%\r\n\r\nb\r\n") == [
        "[ 1.0] unfinished",
        "edge 10%",
        "",
        "b",
    ]
    watcher.feed("waiting\r# ")
    assert watcher.partial == "# "


def test_the_last_forty_lines_are_kept() -> None:
    watcher = Watcher()
    watcher.feed("".join(f"{number}\n" for number in range(100)))
    with pytest.raises(ConsoleError) as caught:
        watcher.feed("dracut:/# ")
    assert caught.value.lines == (*(str(number) for number in range(60, 100)), "dracut:/# ")
    assert "\n  | 99\n  | dracut:/#" in str(caught.value)


def test_what_is_meant_to_happen_is_allowed() -> None:
    watcher = Watcher(allowed=[INSTALL_FAILED])
    assert watcher.feed("installation failed: %post\n") == ["installation failed: %post"]
    with pytest.raises(ConsoleError):
        watcher.feed("Kernel panic - not syncing: x\n")


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("\x1b[0;32mok\x1b[0m", "ok"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]3008;start=1;user=root\x1b\\text", "text"),
        ("a\r\n", "a\n"),
        ("\x1b[01;01Hx\x1b[?25hy\x1b(Bz", "xyz"),
        ("tab\tstays", "tab\tstays"),
        ("\x1bcreset", "reset"),
    ],
)
def test_strip_ansi(raw: str, clean: str) -> None:
    assert strip_ansi(raw) == clean
