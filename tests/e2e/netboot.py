"""Machines that boot from the network: a network of their own, and `edgelinux pxe serve` on it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.e2e.lab import ROOT, Lab
from tests.e2e.wire import Lan, lan

__all__ = ["CARD", "CARDS", "NETWORK_BOOT_SECONDS", "NetworkBoot", "network_boot"]

CARDS = ("52:54:00:77:69:01", "52:54:00:77:69:02")
CARD = CARDS[0]
"""The card that a machine is booted from; the other one is QEMU's user network, for SSH."""

NETWORK_BOOT_SECONDS = 600
"""From power-on to the installer: firmware, boot loader and system come over the network."""

_START_SECONDS = 180


@dataclass
class NetworkBoot:
    """A server, and a card on its network."""

    net: Lan
    state: Path
    said: Path
    """What the server prints."""
    process: subprocess.Popen[str]
    taps: tuple[int, ...]
    """Open tap devices, for `pass_fds`: one for each of CARDS that is plugged in."""

    def qemu_options(self, firmware: Literal["uefi", "bios"], card: str = CARD) -> tuple[str, ...]:
        """QEMU's options for a card, which comes first in the boot order.

        The firmware for UEFI can boot from it by itself; that for BIOS needs the ROM of the card, and the
        other card, an e1000e, has none then: SeaBIOS runs the first that it finds.
        """
        device = f"virtio-net-pci,netdev=wire,mac={card},addr=0x05,bootindex=1"
        wire = ("-netdev", f"tap,id=wire,fd={self.taps[CARDS.index(card)]}", "-device")
        if firmware == "uefi":
            return (*wire, f"{device},romfile=")
        return (*wire, device, "-global", "e1000e.romfile=")

    def events(self, card: str = CARD) -> list[dict[str, Any]]:
        """What the server has noted of the machine, oldest first."""
        lines = (self.state / "server/events.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["mac"] == card]

    def machine(self, card: str = CARD) -> dict[str, Any]:
        """What the server knows of the machine."""
        known = json.loads((self.state / "server/machines.json").read_text())
        (found,) = (one for one in known["machines"] if one["mac"] == card)
        return dict(found)

    def wait_for(self, state: str, seconds: float, card: str = CARD) -> dict[str, Any]:
        """Wait until the machine is known to be that far."""
        end = time.monotonic() + seconds
        while (machine := self.machine(card))["state"] != state:
            assert time.monotonic() < end, f"not {state}, but {machine['state']}: {self.said.read_text()}"
            assert self.process.poll() is None, self.said.read_text()
            time.sleep(0.5)
        return machine


@contextmanager
def network_boot(
    lab: Lab, name: str, iso: Path, sites: Mapping[str, str], cards: int = 1
) -> Iterator[NetworkBoot]:
    """Serves an ISO to the first `cards` of CARDS; `sites` are site files' texts by what names machines."""
    state, said = lab.artefacts / f"{name}.pxe", lab.artefacts / f"{name}.pxe.log"
    folder = lab.artefacts / f"{name}.sites"
    for old in (state, folder):
        # What an earlier run knew of the machine would send it to its disk.
        shutil.rmtree(old, ignore_errors=True)
    folder.mkdir()
    for key, text in sites.items():
        (folder / f"{key}.yaml").write_text(text)
    with ExitStack() as stack:
        net, log = stack.enter_context(lan()), stack.enter_context(said.open("w"))
        taps = tuple(stack.enter_context(net.tap()) for _ in range(cards))
        argv = [sys.executable, "-m", "edgelinux_build.cli", "pxe", "serve", "--interface", net.interface]
        argv += ["--iso", str(iso), "--sites", str(folder), "--state", str(state)]
        argv += ["--range", f"{net.network}100,{net.network}149"]
        # Whatever ends this process ends the server, too: prctl(2), PR_SET_PDEATHSIG.
        process = net.popen(
            "setpriv", "--pdeathsig", "TERM", "--", *argv, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT
        )
        served = NetworkBoot(net, state, said, process, taps)
        try:
            _wait_until_it_serves(served)
            yield served
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            # Hundreds of MB that are in the ISO as well.
            shutil.rmtree(state / "tree", ignore_errors=True)


def _wait_until_it_serves(served: NetworkBoot) -> None:
    end = time.monotonic() + _START_SECONDS
    while "sites:" not in served.said.read_text():
        assert served.process.poll() is None, served.said.read_text()
        assert time.monotonic() < end, served.said.read_text()
        time.sleep(0.5)
