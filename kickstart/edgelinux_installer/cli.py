"""`edgelinux-install`: runs a kickstart in the live system."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from edgelinux_hostd import image as images
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer import halfmade, hardware
from edgelinux_installer.consoles import Consoles, console_names, is_attended, start_forms, start_shells
from edgelinux_installer.context import LOG, RUN, TARGET
from edgelinux_installer.datapartition import find_kickstart
from edgelinux_installer.install import DefectError, install, left_behind
from edgelinux_installer.interactive.asking import should_ask
from edgelinux_installer.interfaces import Interface
from edgelinux_installer.kickstart import Kickstart
from edgelinux_installer.medium_check import check_fetched, check_medium
from edgelinux_installer.netboot import network_boot
from edgelinux_installer.obtain import obtain, read
from edgelinux_installer.plan import InstallPlan, make_plan
from edgelinux_installer.preflight import check_tree
from edgelinux_installer.reporting import Reporter
from edgelinux_installer.selection import describe
from edgelinux_installer.source import MEDIUM
from edgelinux_installer.steps.scripts import run_after_failure, run_pre

__all__ = ["main", "make_parser"]

log = logging.getLogger("edgelinux.installer")

_EXIT_CODES = (
    "Exit codes: 0 installed (or checked, recorded); 1 the installation failed, or the medium is damaged; "
    "2 the kickstart cannot be used."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Install, or with --check only say what would be done, or check the medium. Returns the exit code."""
    options = make_parser().parse_args(argv)
    attended = is_attended()
    names = console_names()
    if options.interactive:
        return _interactive(dry=options.check)
    if options.check:
        return _check(options)
    if options.check_medium:
        return _check_medium(names, attended)
    if options.hardware:
        return _hardware()
    if not attended and should_ask(_command_line(), MEDIUM, find_kickstart):
        start_forms(names)
        return 0
    consoles = Consoles(names, stdout=attended)
    _log_to(LOG)
    reporter = Reporter(_command_line(), consoles.say)
    known: list[Kickstart] = []
    try:
        if os.geteuid() != 0:
            raise EdgeLinuxError("the installer needs root", hint="sudo edgelinux-install")
        halfmade.put_away(RUN, TARGET)
        where, text = obtain(_command_line(), options.kickstart, consoles.say)
        ks = read(_command_line(), where, text)
        known.append(ks)
        reporter.read(ks)
        check_tree(ks)
        consoles.say(f"edgeLinux installer: kickstart {ks.file}")
        plan = _plan(_after_pre(ks, where, text))
        if attended and not options.yes and not _agreed(plan):
            print("Nothing was installed.")
            return 1
        reporter.begin(plan)
        install(plan, consoles.say, tell=reporter.progress)
        reporter.succeed()
        _finish(plan, consoles)
    except EdgeLinuxError as error:
        failure = error
    except KeyboardInterrupt:
        failure = EdgeLinuxError("interrupted")
    except Exception as error:
        log.exception("unexpected")
        failure = DefectError(f"unexpected {type(error).__name__}: {error}")
    else:
        return 0
    _tell(failure, consoles)
    if not attended:
        start_shells(names)
    # Before the scripts, which may well restart the machine.
    reporter.fail(failure)
    for ks in known:
        run_after_failure(ks, defect=isinstance(failure, DefectError))
    if left_behind():
        # An orderly end would wait for what that step has started.
        os._exit(failure.exit_code)
    return failure.exit_code


def make_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="edgelinux-install", description="Install edgeLinux OS from a kickstart.", epilog=_EXIT_CODES
    )
    parser.add_argument(
        "--kickstart",
        default="",
        metavar="PATH|URL",
        help="default: inst.ks= on the kernel's command line, else this machine's among a stick's sites, "
        "else /edgelinux/ks.cfg on the medium",
    )
    parser.add_argument(
        "--interactive",
        action="store_true",
        help="ask at this terminal what to install, on the whole screen; with --check install nothing",
    )
    parser.add_argument("--check", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--yes", action="store_true", help="install without asking a person first")
    parser.add_argument(
        "--check-medium",
        action="store_true",
        help="compare everything on the medium with its checksums; exit code 1 when something is damaged",
    )
    parser.add_argument(
        "--hardware", action="store_true", help="print this machine's hardware as JSON, and do nothing"
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how --check prints the plan"
    )
    return parser


def _command_line() -> str:
    return Path("/proc/cmdline").read_text(encoding="utf-8")


def _after_pre(ks: Kickstart, where: str, text: str) -> Kickstart:
    """Run the %pre scripts, and read the kickstart again: they may have written what it includes."""
    run_pre(ks)
    if not ks.source.later:
        return ks
    ks = read(_command_line(), where, text, after_pre=True)
    check_tree(ks)
    return ks


def _plan(ks: Kickstart) -> InstallPlan:
    return make_plan(ks, hardware.machine(hardware.record()), images.load())


def _interactive(*, dry: bool) -> int:
    # Only here, since an installation from a kickstart needs none of it.
    from edgelinux_installer.interactive.main import run_forms

    _log_to(LOG)
    try:
        return run_forms(dry=dry)
    except EdgeLinuxError as error:
        print(f"edgelinux-install: {error}", file=sys.stderr)
        return error.exit_code


def _hardware() -> int:
    try:
        if os.geteuid() != 0:
            raise EdgeLinuxError("looking at the disks needs root", hint="sudo edgelinux-install --hardware")
        print(hardware.record().model_dump_json(indent=1))
    except EdgeLinuxError as error:
        print(f"edgelinux-install: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _check(options: argparse.Namespace) -> int:
    try:
        ks = read(_command_line(), *obtain(_command_line(), options.kickstart))
        check_tree(ks)
        plan = _plan(ks)
    except EdgeLinuxError as error:
        print(f"edgelinux-install: {error}", file=sys.stderr)
        return error.exit_code
    if options.format == "json":
        print(json.dumps(plan.as_dict(), indent=2, default=str))
        return 0
    print("\n".join(_would(plan)))
    return 0


def _would(plan: InstallPlan) -> list[str]:
    """Say what an installation would do, above all what it would erase."""
    lines = [
        f"{plan.image.product} {plan.image.version} would be installed as {plan.hostname} ({plan.firmware}):"
    ]
    for disk in plan.disks:
        erased = ", ".join(disk.contents) or "nothing, it is blank"
        lines.append(f"  {plan.layout}: {describe(disk)}; erased: {erased}")
    lines += [f"  network: {_describe(interface)}" for interface in plan.networks]
    return lines + [f"  note: {notice}" for notice in plan.notices]


def _agreed(plan: InstallPlan) -> bool:
    """Ask the person at the terminal whether to go on. Raises EdgeLinuxError when there is nobody to ask."""
    if not sys.stdin.isatty():
        raise EdgeLinuxError("there is no terminal to ask at", hint="--yes installs without asking")
    print("\n".join(_would(plan)))
    try:
        return input("Type yes to install: ").strip() == "yes"
    except EOFError:
        return False


def _check_medium(names: Sequence[str], attended: bool) -> int:
    """Tell a person whether the medium is whole; or every console, and then leave the machine to a person."""
    consoles = Consoles(() if attended else names, stdout=attended)
    try:
        url = network_boot(_command_line()).medium
        check = partial(check_fetched, url=url) if url else check_medium
        consoles.say(check(MEDIUM, consoles.say))
        code = 0
    except EdgeLinuxError as error:
        consoles.say(str(error))
        code = 1
    if not attended:
        start_shells(names)
    return code


def _describe(interface: Interface) -> str:
    name = interface.name
    if interface.nic and interface.nic.name != name:
        name += f" over {interface.nic.name} ({interface.nic.mac})"
    elif interface.nic:
        name += f" ({interface.nic.mac})"
    if interface.controller:
        return f"{name}, part of {interface.controller}"
    net = interface.network
    if net is None:
        return f"{name}, no addresses"
    ipv4 = f"{net.ip}" if net.ipv4 == "static" else net.ipv4
    return f"{interface.kind} {name}, IPv4 {ipv4}, IPv6 {net.ipv6}"


def _finish(plan: InstallPlan, consoles: Consoles) -> None:
    action = plan.kickstart.finish
    consoles.say({"reboot": "Rebooting", "poweroff": "Powering off", "halt": "Halting"}[action])
    # By force: the pool is closed, and what runs in the live system needs no orderly end.
    run(["systemctl", "--force", action])


def _tell(failure: EdgeLinuxError, consoles: Consoles) -> None:
    """Tell the reason everywhere, and leave the machine to a person: no reboot, and so no loop."""
    log.error("%s", failure)
    consoles.say("")
    consoles.say(f"INSTALLATION FAILED: {failure}")
    consoles.say(f"This machine was not made bootable and does not restart by itself. The log: {LOG}")


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
