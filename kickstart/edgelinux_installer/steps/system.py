"""Gives the new system its identity: name, ids, time zone, locale, keyboard."""

from __future__ import annotations

import uuid
from pathlib import Path

from edgelinux_hostd.hostid import hostid_bytes

from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.identity import this_machine
from edgelinux_installer.kickstart import Kickstart
from edgelinux_installer.reporting import leave_for_first_boot

__all__ = ["STEP", "configure", "hosts"]

# hwclock(8): the third line says what the hardware clock holds.
_ADJTIME = "0.0 0 0.0\n0\n{}\n"

_FSTAB = """\
# The root file system is a boot environment of the pool, named on the kernel's command line; units mount the
# rest of it. The EFI system partitions are not mounted: `antlet host boot-sync` keeps them in step.
"""


def configure(ctx: Context) -> None:
    """Write the files that make this installation this host."""
    etc = ctx.target / "etc"
    ks = ctx.plan.kickstart
    write(etc / "hostname", f"{ctx.plan.hostname}\n")
    write(etc / "hosts", hosts(ctx.plan.hostname))
    # Made here and not at the first boot: systemd applies presets on a first boot, and would enable again
    # what `services --disabled` switched off (machine-id(5), "First Boot Semantics").
    write(etc / "machine-id", f"{uuid.uuid4().hex}\n", 0o444)
    write(etc / "hostid", hostid_bytes(ctx.hostid))
    write(etc / "fstab", _FSTAB)
    write(etc / "locale.conf", f"LANG={ctx.plan.lang}\n")
    _where_it_exists(etc / "default/locale", f"LANG={ctx.plan.lang}\n")
    write(etc / "vconsole.conf", f"KEYMAP={ks.keyboard}\n")
    _where_it_exists(etc / "default/keyboard", _keyboard(ks.keyboard))
    _time(etc, ks)
    try:
        command_line = (ctx.live / "proc/cmdline").read_text(encoding="utf-8")
    except OSError:
        command_line = ""
    leave_for_first_boot(ctx.target, command_line, ks, this_machine(ctx.live / "sys"))


def hosts(name: str) -> str:
    """Give /etc/hosts (hosts(5)): the host knows its own name without asking anybody."""
    names = f"{name} {name.partition('.')[0]}" if "." in name else name
    return (
        f"127.0.0.1 localhost\n127.0.1.1 {names}\n"
        "::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
    )


def _time(etc: Path, ks: Kickstart) -> None:
    (etc / "localtime").unlink(missing_ok=True)
    (etc / "localtime").symlink_to(f"../usr/share/zoneinfo/{ks.timezone}")
    _where_it_exists(etc / "timezone", f"{ks.timezone}\n")
    write(etc / "adjtime", _ADJTIME.format("UTC" if ks.utc else "LOCAL"))


def _keyboard(layout: str) -> str:
    # keyboard(5), which one family of distributions uses for console and X alike.
    return f'XKBMODEL="pc105"\nXKBLAYOUT="{layout}"\nXKBVARIANT=""\nXKBOPTIONS=""\nBACKSPACE="guess"\n'


def _where_it_exists(path: Path, content: str) -> None:
    """Write a file that only some bases have."""
    if path.exists() and not path.is_symlink():
        write(path, content)


STEP = Step("Naming the host", 1, configure)
