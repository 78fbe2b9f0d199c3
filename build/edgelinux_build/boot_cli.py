"""The command `edgelinux boot`: starts an ISO or disks in QEMU."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click
from edgelinux_hostd.announce.text import plain
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_build.qemu import media, session, state, terminal
from edgelinux_build.qemu.announced import read_announcement, wait_for_announcement
from edgelinux_build.qemu.install import follow_install
from edgelinux_build.qemu.machine import BUSES, Bus
from edgelinux_build.qemu.program import find_qemu
from edgelinux_build.qemu.runner import VirtualMachine
from edgelinux_build.tables import format_table

__all__ = ["boot"]

DEFAULT_DISKS = ("12G", "12G")


@dataclass(frozen=True)
class Targets:
    """What was named on the command line, by kind."""

    iso: Path | None
    disks: tuple[Path, ...]


def sort_targets(paths: tuple[Path, ...], out: Path) -> Targets:
    """Tells ISO and disks apart; without any path, the newest ISO in `out`."""
    if not paths:
        built = sorted(out.glob("*.iso"), key=lambda path: path.stat().st_mtime)
        if not built:
            raise EdgeLinuxError(f"no ISO in {out}/", hint="build one with: edgelinux build")
        paths = (built[-1],)
    isos = [path for path in paths if media.is_iso(path)]
    if len(isos) > 1:
        raise EdgeLinuxError(f"one ISO at a time: {', '.join(str(path) for path in isos)}")
    return Targets(isos[0] if isos else None, tuple(path for path in paths if path not in isos))


def _how_to_reach(record: state.Record) -> str:
    """Say what the host has announced by itself, and how to get to it from here."""
    keep = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    announced = read_announcement(Path(record.console_log))
    said = f"{plain(announced)}\n" if announced else ""
    return said + (
        f"console:  edgelinux boot --attach {record.name}    (Ctrl-] leaves; log: {record.console_log})\n"
        f"ssh:      ssh -p {record.ssh_port} {keep} root@127.0.0.1\n"
        f"stop:     edgelinux boot --stop {record.name}"
    )


def _list(form: str) -> None:
    running = state.records()
    if form == "json":
        click.echo(json.dumps([asdict(record) for record in running], indent=2))
        return
    rows = [(r.name, str(r.pid), r.firmware, str(r.ssh_port), r.console_log) for r in running]
    for line in format_table(("NAME", "PID", "FIRMWARE", "SSH PORT", "CONSOLE LOG"), rows):
        click.echo(line)


def _attach(record: state.Record) -> None:
    click.echo(f"-- console of {record.name}; Ctrl-] leaves it running --", err=True)
    if terminal.attach(Path(record.console_socket)):
        click.echo(f"\n-- {record.name} runs on --\n{_how_to_reach(record)}")
    else:
        state.forget(record.name)
        click.echo(f"\n-- {record.name} has ended --", err=True)


def _follow(vm: VirtualMachine) -> None:
    """Prints the console until the machine ends."""
    while vm.running():
        for line in vm.follow(5):
            if line:
                click.echo(line)


def _install(vm: VirtualMachine, facts: media.IsoFacts) -> None:
    click.echo(f"installing {facts.label} (version {facts.version}), unattended")
    times = follow_install(vm, facts, show=click.echo)
    click.echo(
        f"seconds since power-on: installer {times.installer_started:.0f}, "
        f"finished {times.installer_finished:.0f}, prompt {times.login_prompt:.0f}, SSH {times.ssh:.0f}"
    )
    if wait_for_announcement(vm) is None:
        click.echo("the host has announced nothing on its console")


@click.command()
@click.argument("targets", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--firmware", type=click.Choice(["uefi", "bios"]), default="uefi", show_default=True)
@click.option(
    "--accel",
    type=click.Choice(["auto", "kvm", "tcg"]),
    default="auto",
    show_default=True,
    help="auto: KVM when a probe guest has started this kernel with it, else emulation.",
)
@click.option(
    "--disk",
    "new_disks",
    multiple=True,
    metavar="SIZE[:4k][:BUS]",
    help="A new empty disk (repeatable), maybe with sectors of 4096 bytes. With an ISO alone: two of 12G.",
)
@click.option("--bus", type=click.Choice(BUSES), default="virtio", show_default=True, help="The disks' bus.")
@click.option("--usb", is_flag=True, help="Attach the ISO as a USB stick instead of a CD.")
@click.option("--nic", type=click.Choice(["virtio-net-pci", "e1000e"]), default="virtio-net-pci")
@click.option("--unattended", is_flag=True, help="Install onto the new disks, then wait for SSH.")
@click.option("--memory", type=click.IntRange(min=256), default=2048, show_default=True, metavar="MIB")
@click.option("--cpus", type=click.IntRange(min=1), help="Default: 2, or 1 where one thread emulates all.")
@click.option("--cpu", default="", metavar="MODEL", help="A processor model of QEMU's, such as Nehalem.")
@click.option(
    "--ssh-port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port of 127.0.0.1 that leads to the guest's SSH; default: any free one.",
)
@click.option(
    "--console",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to log the serial console.",
)
@click.option("--detach", is_flag=True, help="Do not attach this terminal to the console.")
@click.option("--name", default="edgelinux", show_default=True, help="Tells machines apart.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out"),
    show_default=True,
    help="Where ISOs are, and where the machine's files go (vm/NAME).",
)
@click.option("--list", "list_machines", is_flag=True, help="List the running machines.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Of --list.",
)
@click.option("--attach", "attach_name", metavar="NAME", help="Attach to a running machine's console.")
@click.option("--stop", "stop_name", metavar="NAME", help="End a running machine.")
def boot(
    targets: tuple[Path, ...], firmware: Literal["uefi", "bios"], accel: Literal["auto", "kvm", "tcg"],
    new_disks: tuple[str, ...], bus: Bus, usb: bool, nic: Literal["virtio-net-pci", "e1000e"],
    unattended: bool, memory: int, cpus: int | None, cpu: str, ssh_port: int, console: Path | None,
    detach: bool, name: str, out: Path, list_machines: bool, form: str,
    attach_name: str | None, stop_name: str | None,
) -> None:  # fmt: skip
    """Start an ISO or disks in QEMU (default: the newest ISO in out/)."""
    if list_machines:
        return _list(form)
    if attach_name:
        return _attach(state.find(attach_name))
    if stop_name:
        return state.stop(state.find(stop_name))
    if any(record.name == name for record in state.records()):
        raise EdgeLinuxError(
            f"machine {name!r} is running already", hint=f"edgelinux boot --stop {name}, or use --name"
        )
    wanted = sort_targets(targets, out)
    if unattended and wanted.iso is None:
        raise EdgeLinuxError("--unattended needs an ISO")
    if wanted.iso and not wanted.disks and not new_disks:
        new_disks = DEFAULT_DISKS
    directory = out / "vm" / name
    directory.mkdir(parents=True, exist_ok=True)
    facts = media.read_iso(wanted.iso, directory) if unattended and wanted.iso else None
    choice = session.prove_accel(accel, wanted.iso, directory)
    version = ".".join(str(part) for part in find_qemu().version)
    click.echo(f"QEMU {version}, acceleration: {choice.accel} ({choice.reason})")
    wishes = session.Wishes(
        name=name, firmware=firmware, iso=wanted.iso, iso_as_usb=usb, disks=wanted.disks,
        new_disks=new_disks, bus=bus, memory_mib=memory, cpus=cpus, cpu=cpu, ssh_port=ssh_port, nic=nic,
        console_log=console,
    )  # fmt: skip
    vm = VirtualMachine(session.lay_out(wishes, directory, choice), directory)
    try:
        return _use(vm, facts, detach)
    except BaseException:  # Ctrl-C and exit included: nothing stays behind that nobody was told of
        vm.kill()
        raise


def _use(vm: VirtualMachine, facts: media.IsoFacts | None, detach: bool) -> None:
    record = state.find(vm.machine.name)
    if facts is not None:
        _install(vm, facts)
    if detach or (facts is not None and not sys.stdin.isatty()):
        click.echo(f"{record.name} runs\n{_how_to_reach(record)}")
    elif sys.stdin.isatty():
        _attach(record)
    else:
        _follow(vm)
        vm.kill()


if __name__ == "__main__":
    try:
        boot(standalone_mode=False)
    except EdgeLinuxError as error:
        sys.exit(f"error: {error}")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
