"""Turns an installation into reports, for whoever the kickstart and the kernel's command line name.

Nothing here stops or delays an installation: what goes wrong with a report is a line in the log.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgelinux_hostd import image as images
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.message import Event, compose
from edgelinux_hostd.report.sender import Sender
from edgelinux_hostd.report.target import Target

from edgelinux_installer.files import write
from edgelinux_installer.identity import Identity, this_machine
from edgelinux_installer.kickstart import Kickstart
from edgelinux_installer.netboot import NetworkBoot, network_boot
from edgelinux_installer.plan import InstallPlan

__all__ = ["Reporter", "boot_targets", "leave_for_first_boot", "targets"]

log = logging.getLogger(__name__)

_AT_THE_END_SECONDS = 10.0
_LONGEST_MESSAGE = 2000


def boot_targets(command_line: str) -> tuple[Target, ...]:
    """Give what the kernel's command line names: `edgelinux.notify=`. Raises EdgeLinuxError."""
    boot = network_boot(command_line)
    return (_known(boot, Target.of(boot.notify)),) if boot.notify else ()


def targets(command_line: str, ks: Kickstart) -> tuple[Target, ...]:
    """Give all that an installation reports to, each URL once. Raises EdgeLinuxError.

    The command line's certificate and token are those of the servers that it names; a kickstart that reports
    to one of them need not repeat them.
    """
    found = boot_targets(command_line)
    if ks.notify is None:
        return found
    notify = _known(network_boot(command_line), ks.notify)
    return (*(target for target in found if target.url != notify.url), notify)


def _known(boot: NetworkBoot, target: Target) -> Target:
    """Add what the command line says of the target's server. Raises EdgeLinuxError."""
    # A certificate beside plain http is that of another one of them.
    cert = boot.cert_for(target.url) if target.url.lower().startswith("https:") else ""
    return Target.of(target.url, target.cert or cert, target.token or boot.token_for(target.url))


def leave_for_first_boot(root: Path, command_line: str, ks: Kickstart, machine: Identity) -> None:
    """Leave in the new system whom it tells that it is up, and as what machine; nothing, if there is nobody.

    Only root can read it: it holds tokens. hostd's `announce.up` reads it.
    """
    try:
        found = targets(command_line, ks)
    except EdgeLinuxError as error:
        log.warning("the new host will not report that it is up: %s", error)
        return
    if found:
        content = {"machine": asdict(machine), "targets": [asdict(target) for target in found]}
        write(root / "etc/edgelinux/notify.json", json.dumps(content, indent=1) + "\n", 0o600)


class Reporter:
    """Reports on one installation: `read`, `begin`, `progress` as often as one likes, `succeed` or `fail`.

    `say` tells a person what is wrong with the command line.
    """

    def __init__(
        self,
        command_line: str,
        say: Callable[[str], None] = log.warning,
        *,
        machine: Callable[[], Identity] = this_machine,
        sender: Callable[[Target], Sender] = Sender,
    ) -> None:
        self._command_line = command_line
        self._machine = machine
        self._make = sender
        self._senders: dict[str, Sender] = {}
        self._about: dict[str, Any] = {}
        self._began = time.monotonic()
        with _quietly():
            try:
                self._add(boot_targets(command_line))
            except EdgeLinuxError as error:
                say(f"edgelinux.notify: {error}; this installation is not reported there")
                # The kickstart may still say another place.
                self._command_line = ""

    def read(self, ks: Kickstart) -> None:
        """Take up what the kickstart says about reports."""
        with _quietly():
            self._about["hostname"] = ks.hostname
            self._add(targets(self._command_line, ks))

    def begin(self, plan: InstallPlan) -> None:
        """Report that the installation begins."""
        self.read(plan.kickstart)
        with _quietly():
            self._about["hostname"] = plan.hostname
            self._about |= {"product": plan.image.product, "image": plan.image.version}
            self._began = time.monotonic()
            self._send("start")

    def progress(self, step: str, percent: int, message: str) -> None:
        """Report how far the installation is."""
        with _quietly():
            self._send("progress", step=step, percent=percent, message=message)

    def succeed(self) -> None:
        """Report that everything is on the disks, and wait for the reports to be delivered, for a while."""
        with _quietly():
            self._send("success", seconds=self._seconds())
            self._close()

    def fail(self, error: Exception) -> None:
        """Report what the installation failed with, and wait like `succeed`."""
        with _quietly():
            self._send("failure", message=str(error)[:_LONGEST_MESSAGE], seconds=self._seconds())
            self._close()

    def _add(self, found: Iterable[Target]) -> None:
        for target in found:
            if target.url not in self._senders:
                log.info("reports go to %s", target.url)
                self._senders[target.url] = self._make(target)

    def _send(self, event: Event, **known: Any) -> None:
        if not self._senders:
            return
        if "machine" not in self._about:
            self._about["machine"] = asdict(self._machine())
        if "product" not in self._about:
            with contextlib.suppress(EdgeLinuxError):
                image = images.load()
                self._about |= {"product": image.product, "image": image.version}
        report = compose(event, **self._about, **known)
        for sender in self._senders.values():
            sender.send(report)

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def _close(self) -> None:
        end = time.monotonic() + _AT_THE_END_SECONDS
        for sender in self._senders.values():
            sender.end_by(end)
        for sender in self._senders.values():
            sender.close(max(0.0, end - time.monotonic()))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Log whatever goes wrong: what is reported on matters more."""
    try:
        yield
    except Exception:
        log.exception("reporting")
