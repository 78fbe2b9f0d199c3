"""Follows an unattended installation on the console, up to the installed system's SSH server."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.qemu.media import IsoFacts
from edgelinux_build.qemu.menu import choose_entry
from edgelinux_build.qemu.runner import VirtualMachine

__all__ = [
    "INSTALL_SECONDS",
    "PROGRESS",
    "STARTED",
    "InstallTimes",
    "follow_install",
    "wait_for_end",
    "wait_for_installer",
    "wait_until_up",
]

# What the installer prints first, when a step begins and at each tenth of a long one, and at the end.
STARTED = r"^edgeLinux installer\b"
PROGRESS = re.compile(r"^edgeLinux installer +\d+/\d+ +\d+%")
FINISHED = r"^Installation complete"

BOOT_SECONDS = 420
INSTALL_SECONDS = 600


@dataclass(frozen=True)
class InstallTimes:
    """Seconds since power-on of what happened."""

    installer_started: float
    installer_finished: float
    login_prompt: float
    ssh: float


def wait_for_installer(vm: VirtualMachine, facts: IsoFacts) -> float:
    """Starts the installation if the ISO does not by itself; returns when the installer has begun."""
    if not facts.unattended:
        if facts.install_entry is None:
            raise EdgeLinuxError(
                "this ISO asks at the machine what to install",
                hint="edgelinux iso embed gives it a site file, or a kickstart",
            )
        choose_entry(vm, facts.install_entry)
    vm.wait_for(STARTED, BOOT_SECONDS, "the installer")
    return vm.seconds


def wait_for_end(vm: VirtualMachine, show: Callable[[str], None] = lambda line: None) -> float:
    """Follows a running installation to its end; `show` gets its progress lines."""

    def only_progress(line: str) -> None:
        if PROGRESS.search(line):
            show(line)

    vm.wait_for(FINISHED, INSTALL_SECONDS, "the end of the installation", show=only_progress)
    return vm.seconds


def wait_until_up(vm: VirtualMachine, seconds: float = BOOT_SECONDS) -> tuple[float, float]:
    """Waits for the log-in prompt and SSH of an installed system; both in seconds since power-on."""
    vm.wait_for(r"\blogin:", seconds, "the log-in prompt")
    prompt = vm.seconds
    vm.wait_for_ssh(120)
    return prompt, vm.seconds


def follow_install(
    vm: VirtualMachine, facts: IsoFacts, show: Callable[[str], None] = lambda line: None
) -> InstallTimes:
    """Follows an unattended installation through the reboot into the installed system.

    Raises:
        MachineError: a step took too long, or QEMU ended.
        ConsoleError: the console showed a failure.
    """
    started = wait_for_installer(vm, facts)
    finished = wait_for_end(vm, show)
    prompt, ssh = wait_until_up(vm)
    return InstallTimes(started, finished, prompt, ssh)
