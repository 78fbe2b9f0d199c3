"""Follows an unattended installation on the console, up to the installed system's SSH server."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.qemu.media import IsoFacts
from edgelinux_build.qemu.menu import choose_entry
from edgelinux_build.qemu.runner import VirtualMachine

__all__ = ["PROGRESS", "InstallTimes", "follow_install", "wait_until_up"]

# What the installer prints for each step, and its last line before it reboots.
PROGRESS = re.compile(r"^\[ *(?P<percent>\d+) ?%\]|^\[ *\d+/\d+\]")
FINISHED = r"(?i)\binstallation (?:is )?(?:complete|finished)"

BOOT_SECONDS = 420
INSTALL_SECONDS = 600


@dataclass(frozen=True)
class InstallTimes:
    """Seconds since power-on of what happened."""

    installer_started: float
    installer_finished: float
    login_prompt: float
    ssh: float


def wait_until_up(vm: VirtualMachine, seconds: float = BOOT_SECONDS) -> tuple[float, float]:
    """Waits for the log-in prompt and SSH of an installed system; both in seconds since power-on."""
    vm.wait_for(r"\blogin:", seconds, "the log-in prompt")
    prompt = vm.seconds
    vm.wait_for_ssh(120)
    return prompt, vm.seconds


def follow_install(
    vm: VirtualMachine, facts: IsoFacts, show: Callable[[str], None] = lambda line: None
) -> InstallTimes:
    """Starts the installation if the ISO does not do so by itself, and follows it through the reboot.

    `show` gets the installer's progress lines.

    Raises:
        MachineError: a step took too long, or QEMU ended.
        ConsoleError: the console showed a failure.
    """
    if not facts.unattended:
        if facts.install_entry is None:
            raise EdgeLinuxError("the ISO's menu has no entry that installs")
        choose_entry(vm, facts.install_entry)
    vm.wait_for(PROGRESS.pattern, BOOT_SECONDS, "the installer")
    started = vm.seconds
    vm.wait_for(FINISHED, INSTALL_SECONDS, "the end of the installation", show=_only_progress(show))
    finished = vm.seconds
    prompt, ssh = wait_until_up(vm)
    return InstallTimes(started, finished, prompt, ssh)


def _only_progress(show: Callable[[str], None]) -> Callable[[str], None]:
    def filtered(line: str) -> None:
        if PROGRESS.search(line):
            show(line)

    return filtered
