"""`edgelinux-install`: runs a kickstart in the live system."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd import image as images
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer import halfmade, machine
from edgelinux_installer.consoles import Consoles, console_names, start_shells
from edgelinux_installer.context import LOG, RUN, TARGET
from edgelinux_installer.install import install
from edgelinux_installer.kickstart import Kickstart, read_kickstart
from edgelinux_installer.medium_check import check_medium
from edgelinux_installer.plan import InstallPlan, make_plan
from edgelinux_installer.preflight import check_tree
from edgelinux_installer.selection import describe
from edgelinux_installer.source import fetch, location
from edgelinux_installer.steps.scripts import run_pre

__all__ = ["main", "make_parser"]

log = logging.getLogger("edgelinux.installer")

_EXIT_CODES = (
    "Exit codes: 0 installed (or checked); 1 the installation failed, or the medium is damaged; "
    "2 the kickstart cannot be used."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Install, or with --check only say what would be done, or check the medium. Returns the exit code."""
    options = make_parser().parse_args(argv)
    # systemd sets this for services; otherwise a person sits at standard output.
    attended = "INVOCATION_ID" not in os.environ or sys.stdout.isatty()
    names = console_names()
    if options.check:
        return _check(options)
    if options.check_medium:
        return _check_medium(names, attended)
    consoles = Consoles(names, stdout=attended)
    _log_to(LOG)
    try:
        if os.geteuid() != 0:
            raise EdgeLinuxError("the installer needs root", hint="sudo edgelinux-install")
        halfmade.put_away(RUN, TARGET)
        plan = _plan(options.kickstart, consoles)
        install(plan, consoles.say)
        _finish(plan, consoles)
    except EdgeLinuxError as error:
        return _failed(error, consoles, names, attended)
    except KeyboardInterrupt:
        return _failed(EdgeLinuxError("interrupted"), consoles, names, attended)
    except Exception as error:
        log.exception("unexpected")
        return _failed(
            EdgeLinuxError(f"unexpected {type(error).__name__}: {error}"), consoles, names, attended
        )
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="edgelinux-install", description="Install edgeLinux OS from a kickstart.", epilog=_EXIT_CODES
    )
    parser.add_argument(
        "--kickstart",
        default="",
        metavar="PATH|URL",
        help="default: inst.ks= on the kernel's command line, else /edgelinux/ks.cfg on the medium",
    )
    parser.add_argument("--check", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument(
        "--check-medium",
        action="store_true",
        help="compare everything on the medium with its checksums; exit code 1 when something is damaged",
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how --check prints the plan"
    )
    return parser


def _read(given: str) -> Kickstart:
    where = location(Path("/proc/cmdline").read_text(encoding="utf-8"), given)
    log.info("kickstart: %s", where)
    return read_kickstart(fetch(where, machine.MEDIUM), where)


def _plan(given: str, consoles: Consoles | None = None) -> InstallPlan:
    """Read the kickstart, run its %pre scripts (not when only checking), look at the machine, decide."""
    ks = _read(given)
    check_tree(ks)
    if consoles is not None:
        consoles.say(f"edgeLinux installer: kickstart {ks.file}")
        run_pre(ks)
    return make_plan(ks, machine.look(), images.load())


def _check(options: argparse.Namespace) -> int:
    try:
        plan = _plan(options.kickstart)
    except EdgeLinuxError as error:
        print(f"edgelinux-install: {error}", file=sys.stderr)
        return error.exit_code
    if options.format == "json":
        print(json.dumps(plan.as_dict(), indent=2, default=str))
        return 0
    print(
        f"{plan.image.product} {plan.image.version} would be installed as {plan.hostname} ({plan.firmware}):"
    )
    for disk in plan.disks:
        print(
            f"  {plan.layout}: {describe(disk)}; erased: {', '.join(disk.contents) or 'nothing, it is blank'}"
        )
    for net in plan.networks:
        card = f"{net.nic.name} ({net.nic.mac})" if net.nic else "no card yet"
        print(f"  network: {net.network.device} over {card}, {net.network.bootproto}")
    for notice in plan.notices:
        print(f"  note: {notice}")
    return 0


def _check_medium(names: Sequence[str], attended: bool) -> int:
    """Tell a person whether the medium is whole; or every console, and then leave the machine to a person."""
    consoles = Consoles(() if attended else names, stdout=attended)
    try:
        consoles.say(check_medium(machine.MEDIUM, consoles.say))
        code = 0
    except EdgeLinuxError as error:
        consoles.say(str(error))
        code = 1
    if not attended:
        start_shells(names)
    return code


def _finish(plan: InstallPlan, consoles: Consoles) -> None:
    action = plan.kickstart.finish
    consoles.say({"reboot": "Rebooting", "poweroff": "Powering off", "halt": "Halting"}[action])
    # By force: the pool is closed, and what runs in the live system needs no orderly end.
    run(["systemctl", "--force", action])


def _failed(error: EdgeLinuxError, consoles: Consoles, names: Sequence[str], attended: bool) -> int:
    """Tell the reason everywhere, and leave the machine to a person: no reboot, and so no loop."""
    log.error("%s", error)
    consoles.say("")
    consoles.say(f"INSTALLATION FAILED: {error}")
    consoles.say(f"This machine was not made bootable and does not restart by itself. The log: {LOG}")
    if not attended:
        start_shells(names)
    return error.exit_code


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
