"""Turns pykickstart's handler into our plain model, and checks the values that it takes as they come."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgelinux_hostd.firewall import SERVICES
from edgelinux_hostd.report.target import Target
from pykickstart.constants import (
    CLEARPART_TYPE_ALL,
    CLEARPART_TYPE_LINUX,
    KS_MISSING_IGNORE,
    KS_REBOOT,
    KS_SCRIPT_ONERROR,
    KS_SCRIPT_POST,
    KS_SCRIPT_PRE,
    KS_SCRIPT_PREINSTALL,
    KS_SCRIPT_TRACEBACK,
    KS_SHUTDOWN,
    SELINUX_DISABLED,
    SELINUX_ENFORCING,
    SELINUX_PERMISSIVE,
)

from edgelinux_installer.kickstart import accounts
from edgelinux_installer.kickstart.diskterm import DiskTermError, parse_term
from edgelinux_installer.kickstart.errors import KickstartError
from edgelinux_installer.kickstart.include import Expanded
from edgelinux_installer.kickstart.model import (
    Bootloader,
    ClearPart,
    Finish,
    Firewall,
    Kickstart,
    Notice,
    Packages,
    Script,
    ScriptKind,
    Selinux,
    Services,
    TimeSource,
    ZfsAddon,
)
from edgelinux_installer.kickstart.network import hostname, networks
from edgelinux_installer.kickstart.supported import RESERVED_ARGUMENTS
from edgelinux_installer.source import MEDIUM

__all__ = ["Read", "convert"]

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_PORT = re.compile(r"\d{1,5}(-\d{1,5})?:(tcp|udp)")
_ARGUMENT = re.compile(r"[^\s\"'\\$`{};|&<>()#]+")
_DEVICE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_SCRIPTS: dict[int, ScriptKind] = {
    KS_SCRIPT_PRE: "pre",
    KS_SCRIPT_PREINSTALL: "pre-install",
    KS_SCRIPT_POST: "post",
    KS_SCRIPT_ONERROR: "onerror",
    KS_SCRIPT_TRACEBACK: "traceback",
}
_SELINUX: dict[int, Selinux] = {
    SELINUX_ENFORCING: "enforcing",
    SELINUX_PERMISSIVE: "permissive",
    SELINUX_DISABLED: "disabled",
}
# The booted medium, as this live system and as others call it.
_MEDIUM = f"file://{MEDIUM}/live/edgelinux.squashfs"
_MEDIA = (_MEDIUM, "file:///run/install/repo/live/edgelinux.squashfs")
# GRUB waits for ever when it is told -1; an hour is as long as anybody means.
_LONGEST_TIMEOUT = 3600


@dataclass(frozen=True)
class Read:
    """What pykickstart's handler has no place for."""

    zfs: ZfsAddon | None
    notify: Target | None
    packages_line: int
    notices: tuple[Notice, ...]


def convert(handler: Any, read: Read, source: Expanded) -> Kickstart:
    """Build the model of a kickstart that pykickstart has accepted. Raises KickstartError."""
    return _Converter(handler, source).convert(read)


class _Converter:
    """One method for each command that is not among the lines of its kind in a module of their own."""

    def __init__(self, handler: Any, source: Expanded) -> None:
        self.command: dict[str, Any] = handler.commands
        self.handler = handler
        self.source = source
        self.notices: list[Notice] = []

    def refuse(self, line: int, message: str, hint: str = "") -> KickstartError:
        return self.source.error(line, message, hint)

    def convert(self, read: Read) -> Kickstart:
        zone = self.command["timezone"]
        given = self.command["network"].dataList()
        sources = self.command["timesource"].dataList()
        users = accounts.users(self.command["user"].dataList(), self.source)
        self.check_liveimg()
        ignoredisk = self.command["ignoredisk"]
        return Kickstart(
            file=self.source.file,
            lang=self.lang(),
            keyboard=self.keyboard(),
            timezone=zone.timezone or "Etc/UTC",
            utc=bool(zone.isUtc) or not zone.seen,
            timesources=tuple(self.timesource(data) for data in sources if not data.ntp_disable),
            ntp=not any(data.ntp_disable for data in sources),
            hostname=hostname(given, self.source),
            networks=networks(given, self.source),
            root=accounts.root_password(self.command["rootpw"], self.source),
            users=users,
            groups=accounts.groups(self.command["group"].dataList(), users, self.source),
            ssh_keys=accounts.ssh_keys(self.command["sshkey"].dataList(), self.source),
            firewall=self.firewall(),
            services=self.services(),
            selinux=_SELINUX.get(self.command["selinux"].selinux),
            bootloader=self.bootloader(),
            zerombr=bool(self.command["zerombr"].zerombr),
            clearpart=self.clearpart(),
            only_use=self.disks("ignoredisk --only-use", ignoredisk.onlyuse, ignoredisk.lineno),
            ignored=self.disks("ignoredisk --drives", ignoredisk.ignoredisk, ignoredisk.lineno),
            zfs=read.zfs or ZfsAddon(),
            notify=read.notify,
            packages=self.packages(read.packages_line),
            scripts=tuple(self.script(data) for data in self.handler.scripts),
            finish=self.finish(),
            notices=(*read.notices, *self.notices),
            source=self.source,
            lines={name: command.lineno for name, command in self.command.items() if command.seen},
        )

    def lang(self) -> str:
        data = self.command["lang"]
        if not re.fullmatch(r"[A-Za-z0-9_.@-]*", data.lang):
            raise self.refuse(data.lineno, f"{data.lang!r} is not a locale", "lang en_US.UTF-8")
        return data.lang or "C.UTF-8"

    def keyboard(self) -> str:
        """Give the console's layout: that of `--vckeymap`, else the first one for X, without its variant."""
        data = self.command["keyboard"]
        wanted = data.keyboard or "us"
        layout = re.sub(r"\s*\(.*\)$", "", wanted)
        if not re.fullmatch(r"[A-Za-z0-9_.+-]+", layout):
            raise self.refuse(data.lineno, f"{wanted!r} is not a keyboard layout", "keyboard us")
        if layout != wanted or len(data.x_layouts) > 1:
            self.notices.append(Notice(data.lineno, f"keyboard: the console has one layout, {layout}"))
        return str(layout)

    def timesource(self, data: Any) -> TimeSource:
        host = data.ntp_server or data.ntp_pool
        if not _HOST.fullmatch(host) and not _is_address(host):
            raise self.refuse(data.lineno, f"{host!r} is not a host name or address")
        return TimeSource(host, "server" if data.ntp_server else "pool", bool(data.nts), data.lineno)

    def check_liveimg(self) -> None:
        data = self.command["liveimg"]
        if data.seen and data.url not in _MEDIA:
            raise self.refuse(
                data.lineno, f"liveimg --url={data.url} is not supported", f"--url={_MEDIUM}, or leave it out"
            )

    def firewall(self) -> Firewall:
        data = self.command["firewall"]
        for port in data.ports:
            first, _, last = port.partition(":")[0].partition("-")
            if not _PORT.fullmatch(port) or not 0 < int(first) <= int(last or first) < 65536:
                raise self.refuse(
                    data.lineno, f"firewall --port={port} is not a port", "8006:tcp, 5900-5999:tcp, 53:udp"
                )
        for service in (*data.services, *data.remove_services):
            if service not in SERVICES:
                raise self.refuse(
                    data.lineno,
                    f"firewall --service={service} is not known",
                    f"use --port, or one of {', '.join(SERVICES)}",
                )
        if both := set(data.services) & set(data.remove_services):
            raise self.refuse(data.lineno, f"firewall both lets in and removes {', '.join(sorted(both))}")
        for device in data.trusts:
            if not _DEVICE.fullmatch(device):
                raise self.refuse(
                    data.lineno, f"firewall --trust={device} is not the name of a network device", "br0"
                )
        if data.use_system_defaults:
            if data.ports or data.services or data.trusts or data.remove_services or data.enabled is False:
                raise self.refuse(data.lineno, "firewall --use-system-defaults excludes all other options")
            return Firewall(line=data.lineno)
        services = dict.fromkeys(("ssh", *data.services))
        return Firewall(
            enabled=data.enabled is not False,
            ports=tuple(data.ports),
            services=tuple(name for name in services if name not in data.remove_services),
            trusted=tuple(data.trusts),
            line=data.lineno,
        )

    def services(self) -> Services:
        data = self.command["services"]
        for unit in (*data.enabled, *data.disabled):
            if not re.fullmatch(r"[A-Za-z0-9@_.:\\-]+", unit) or unit.startswith("-"):
                raise self.refuse(data.lineno, f"{unit!r} is not the name of a service")
        if both := set(data.enabled) & set(data.disabled):
            raise self.refuse(data.lineno, f"services both enables and disables {', '.join(sorted(both))}")
        return Services(tuple(data.enabled), tuple(data.disabled), data.lineno)

    def bootloader(self) -> Bootloader:
        data = self.command["bootloader"]
        if data.seen and data.location and data.location != "mbr":
            raise self.refuse(
                data.lineno,
                f"bootloader --location={data.location} is not supported",
                "--location=mbr: the boot loader goes onto every disk of the pool",
            )
        if data.timeout is not None and not 0 <= data.timeout <= _LONGEST_TIMEOUT:
            raise self.refuse(
                data.lineno,
                f"bootloader --timeout={data.timeout} is not a number from 0 to {_LONGEST_TIMEOUT}",
            )
        # These words end up in a GRUB script, so nothing that GRUB would interpret may pass.
        words = shlex.split(data.appendLine or "")
        for word in words:
            if not _ARGUMENT.fullmatch(word):
                raise self.refuse(data.lineno, f"bootloader --append: {word!r} is not a kernel argument")
            if word.partition("=")[0] in RESERVED_ARGUMENTS:
                raise self.refuse(data.lineno, f"bootloader --append: {word} is set by the installer")
        return Bootloader(tuple(words), data.timeout, data.lineno)

    def clearpart(self) -> ClearPart:
        data = self.command["clearpart"]
        if data.disklabel and data.disklabel != "gpt":
            raise self.refuse(
                data.lineno, f"clearpart --disklabel={data.disklabel} is not supported", "--disklabel=gpt"
            )
        drives = self.disks("clearpart --drives", data.drives, data.lineno)
        if data.type == CLEARPART_TYPE_ALL:
            return ClearPart("everything", drives, data.lineno)
        return ClearPart("linux" if data.type == CLEARPART_TYPE_LINUX else "nothing", drives, data.lineno)

    def disks(self, option: str, names: Sequence[str], line: int) -> tuple[str, ...]:
        for name in names:
            try:
                parse_term(name)
            except DiskTermError as error:
                raise self.refuse(line, f"{option}={name}: {error}", error.hint) from error
        return tuple(names)

    def packages(self, line: int) -> Packages:
        data = self.handler.packages
        groups = [f"@{group.name}" for group in data.groupList]
        if data.environment:
            groups.insert(0, f"@^{data.environment}")
        groups += [f"-@{group.name}" for group in data.excludedGroupList]
        return Packages(
            tuple(data.packageList),
            tuple(data.excludedList),
            tuple(groups),
            may_miss=data.handleMissing == KS_MISSING_IGNORE,
            line=line,
        )

    def script(self, data: Any) -> Script:
        when = _SCRIPTS[data.type]
        for option, path in (("--interpreter", data.interp), ("--log", data.logfile or "/")):
            if not path.startswith("/") or ".." in path.split("/"):
                raise self.refuse(data.lineno, f"%{when} {option} {path!r} is not an absolute path")
        return Script(
            when=when,
            text=data.script,
            interpreter=data.interp,
            chroot=bool(data.inChroot),
            log=data.logfile or "",
            error_on_fail=bool(data.errorOnFail),
            line=data.lineno,
        )

    def finish(self) -> Finish:
        data = self.command["reboot"]
        if not data.seen or data.action == KS_REBOOT:
            return "reboot"
        return "poweroff" if data.action == KS_SHUTDOWN else "halt"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
