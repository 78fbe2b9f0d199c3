"""Works GRUB's menu over the serial console, as a person would."""

from __future__ import annotations

import time
from collections.abc import Sequence

from edgelinux_build.qemu.runner import VirtualMachine

__all__ = ["choose_entry"]

# GRUB's text menu takes Emacs keys beside the arrows, whose escape sequences a slow line can tear apart.
_FIRST, _NEXT, _BOOT = "\x01", "\x0e", "\r"


def choose_entry(vm: VirtualMachine, path: Sequence[int], seconds: float = 120) -> None:
    """Waits for the menu and boots an entry: its number, counted from 0, after those of its submenus.

    Raises:
        MachineError: no menu came.
    """
    # The help text below the menu, which comes in several lines and wordings, always speaks of editing.
    vm.wait_for(r"to edit the commands|GNU GRUB", seconds, "GRUB's menu")
    for number in path:
        time.sleep(1)
        for key in (_FIRST, *[_NEXT] * number):
            vm.type(key)
            time.sleep(0.3)
        vm.type(_BOOT)
