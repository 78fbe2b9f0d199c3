"""The text installer on a machine's serial line."""

from __future__ import annotations

import select
import socket

from edgelinux_build.qemu.runner import VirtualMachine

from tests.screen import Keyed

__all__ = ["SerialForms", "fill_in", "serial_socket"]


def serial_socket(vm: VirtualMachine) -> socket.socket:
    """Connect to the console; it takes one connection at a time."""
    found = socket.socket(socket.AF_UNIX)
    found.connect(str(vm.machine.console_socket))
    return found


class SerialForms(Keyed):
    """The forms at the other end of a socket. An emulated machine takes its time to answer a key."""

    answer = 15.0
    quiet = 0.7

    def __init__(self, connected: socket.socket) -> None:
        super().__init__()
        self._socket = connected

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def receive(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self._socket], [], [], seconds)
        return self._socket.recv(65536) if ready else b""


def fill_in(forms: SerialForms, *, disks: tuple[str, ...], hostname: str, key: str) -> str:
    """Answer everything up to the summary, with a look at each screen; gives the summary's text."""
    forms.wait_for("Continue", 120)
    forms.choose("Continue")
    forms.wait_for("1 of 5", 60)
    for disk in disks:
        forms.go_to(disk)
        forms.type("space")
    forms.choose("Continue")
    forms.wait_for("2 of 5", 60)
    forms.go_to("Host name")
    forms.type(*["backspace"] * len("edgelinux"), hostname)
    forms.choose("Check the network now")
    forms.wait_for("has a link", 180)
    forms.choose("Continue")
    forms.wait_for("3 of 5", 60)
    forms.choose("Time zone")
    forms.wait_for("Search", 60)
    forms.type("berl")
    forms.wait_for("Europe/Berlin", 60)
    forms.choose("Europe/Berlin")
    forms.wait_for("3 of 5", 60)
    forms.choose("Continue")
    forms.wait_for("4 of 5", 60)
    forms.go_to("SSH key")
    forms.type(key)
    forms.choose("Add the key")
    forms.wait_for("Accept these keys", 60)
    forms.choose("Accept")
    forms.wait_for("remove: SHA256:", 60)
    forms.choose("Continue")
    return forms.wait_for("5 of 5", 60)
