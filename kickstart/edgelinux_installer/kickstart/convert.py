"""Turns pykickstart's handler into our plain model, and checks the values that it takes as they come."""

from __future__ import annotations

import ipaddress
import re
import shlex
from typing import Any

from edgelinux_hostd.firewall import SERVICES
from pykickstart.constants import CLEARPART_TYPE_ALL, KS_REBOOT, KS_SCRIPT_PRE, KS_SHUTDOWN

from edgelinux_installer.kickstart.errors import KickstartError
from edgelinux_installer.kickstart.model import (
    Bootloader,
    ClearPart,
    Finish,
    Firewall,
    Kickstart,
    Packages,
    RootPassword,
    Script,
    Services,
    SshKey,
    TimeSource,
    User,
    ZfsAddon,
)
from edgelinux_installer.kickstart.network import hostname, networks
from edgelinux_installer.kickstart.sections import Read
from edgelinux_installer.kickstart.supported import RESERVED_ARGUMENTS

__all__ = ["convert"]

_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_PORT = re.compile(r"\d{1,5}(-\d{1,5})?:(tcp|udp)")
_ARGUMENT = re.compile(r"[^\s\"'\\$`{};|&<>()#]+")


def convert(handler: Any, read: Read, file: str) -> Kickstart:
    """Build the model of a kickstart that pykickstart has accepted. Raises KickstartError."""
    return _Converter(handler, file).convert(read)


class _Converter:
    """One method for each command, with the file's name at hand for the messages."""

    def __init__(self, handler: Any, file: str) -> None:
        self.command: dict[str, Any] = handler.commands
        self.handler = handler
        self.file = file

    def refuse(self, line: int, message: str, hint: str = "") -> KickstartError:
        return KickstartError(self.file, line, message, hint=hint)

    def convert(self, read: Read) -> Kickstart:
        zone, lang, keyboard = (self.command[name] for name in ("timezone", "lang", "keyboard"))
        given = self.command["network"].dataList()
        sources = self.command["timesource"].dataList()
        users = tuple(self.user(data) for data in self.command["user"].dataList())
        return Kickstart(
            file=self.file,
            lang=lang.lang or "C.UTF-8",
            keyboard=keyboard.keyboard or "us",
            timezone=zone.timezone or "Etc/UTC",
            utc=bool(zone.isUtc) or not zone.seen,
            timesources=tuple(self.timesource(data) for data in sources if not data.ntp_disable),
            ntp=not any(data.ntp_disable for data in sources),
            hostname=hostname(given, self.file),
            networks=networks(given, self.file),
            root=self.root(),
            users=users,
            ssh_keys=tuple(self.ssh_key(data) for data in self.command["sshkey"].dataList()),
            firewall=self.firewall(),
            services=self.services(),
            bootloader=self.bootloader(),
            zerombr=bool(self.command["zerombr"].zerombr),
            clearpart=self.clearpart(),
            only_use=tuple(self.command["ignoredisk"].onlyuse),
            zfs=read.addon or ZfsAddon(),
            packages=self.packages(read.packages_line),
            scripts=tuple(self.script(data) for data in self.handler.scripts),
            finish=self.finish(),
            lines={name: command.lineno for name, command in self.command.items() if command.seen},
        )

    def timesource(self, data: Any) -> TimeSource:
        host = data.ntp_server or data.ntp_pool
        if not _HOST.fullmatch(host) and not _is_address(host):
            raise self.refuse(data.lineno, f"{host!r} is not a host name or address")
        return TimeSource(host, "server" if data.ntp_server else "pool", bool(data.nts), data.lineno)

    def root(self) -> RootPassword | None:
        data = self.command["rootpw"]
        if not data.seen:
            return None
        self.check_password(data.password, data.isCrypted, data.lineno)
        return RootPassword(data.password, bool(data.isCrypted), bool(data.lock), data.lineno)

    def user(self, data: Any) -> User:
        if not _ACCOUNT.fullmatch(data.name):
            raise self.refuse(
                data.lineno,
                f"{data.name!r} is not an account name",
                "lower-case letters, digits, - and _, at most 32, not beginning with a digit",
            )
        if data.name == "root":
            raise self.refuse(data.lineno, "the account root exists", "rootpw sets its password")
        for group in data.groups:
            if not _ACCOUNT.fullmatch(group):
                raise self.refuse(data.lineno, f"{group!r} is not a group name")
        for option, path in (("--homedir", data.homedir), ("--shell", data.shell)):
            if path and (not path.startswith("/") or ".." in path.split("/") or ":" in path):
                raise self.refuse(data.lineno, f"user {option} {path!r} is not an absolute path")
        if ":" in data.gecos:
            raise self.refuse(data.lineno, "user --gecos cannot hold a colon")
        self.check_password(data.password, data.isCrypted, data.lineno)
        return User(
            name=data.name,
            password=data.password,
            crypted=bool(data.isCrypted),
            locked=bool(data.lock),
            groups=tuple(data.groups),
            uid=data.uid,
            gid=data.gid,
            homedir=data.homedir,
            shell=data.shell,
            gecos=data.gecos,
            line=data.lineno,
        )

    def check_password(self, password: str, crypted: bool, line: int) -> None:
        # crypt(5): a hash begins with $, and neither it nor a password may break the lines of chpasswd(8).
        if crypted and password and not re.fullmatch(r"\$[0-9a-z]+\$[^\s:]+", password):
            raise self.refuse(
                line, "the password is not a hash", "make one with `openssl passwd -6`, or use --plaintext"
            )
        if any(ord(sign) < 32 or sign == "\x7f" for sign in password):
            raise self.refuse(line, "the password holds a control character")

    def ssh_key(self, data: Any) -> SshKey:
        if not _ACCOUNT.fullmatch(data.username):
            raise self.refuse(data.lineno, f"{data.username!r} is not an account name")
        if len(data.key.split()) < 2:
            raise self.refuse(
                data.lineno, "this is not an SSH public key", "one line of a .pub file, in quotes"
            )
        return SshKey(data.username, data.key.strip(), data.lineno)

    def firewall(self) -> Firewall:
        data = self.command["firewall"]
        for port in data.ports:
            first, _, last = port.partition(":")[0].partition("-")
            if not _PORT.fullmatch(port) or not 0 < int(first) <= int(last or first) < 65536:
                raise self.refuse(
                    data.lineno, f"firewall --port={port} is not a port", "8006:tcp, 5900-5999:tcp, 53:udp"
                )
        for service in data.services:
            if service not in SERVICES:
                raise self.refuse(
                    data.lineno,
                    f"firewall --service={service} is not known",
                    f"use --port, or one of {', '.join(SERVICES)}",
                )
        return Firewall(data.enabled is not False, tuple(data.ports), tuple(data.services), data.lineno)

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
        # These words end up in a GRUB script, so nothing that GRUB would interpret may pass.
        words = shlex.split(data.appendLine or "")
        for word in words:
            if not _ARGUMENT.fullmatch(word):
                raise self.refuse(data.lineno, f"bootloader --append: {word!r} is not a kernel argument")
            if word.partition("=")[0] in RESERVED_ARGUMENTS:
                raise self.refuse(data.lineno, f"bootloader --append: {word} is set by the installer")
        return Bootloader(tuple(words), data.lineno)

    def clearpart(self) -> ClearPart:
        data = self.command["clearpart"]
        return ClearPart(data.type == CLEARPART_TYPE_ALL, tuple(data.drives), data.lineno)

    def packages(self, line: int) -> Packages:
        data = self.handler.packages
        groups = [f"@{group.name}" for group in data.groupList]
        if data.environment:
            groups.insert(0, f"@^{data.environment}")
        return Packages(tuple(data.packageList), tuple(data.excludedList), tuple(groups), line)

    def script(self, data: Any) -> Script:
        when = "pre" if data.type == KS_SCRIPT_PRE else "post"
        for option, path in (("--interpreter", data.interp), ("--log", data.logfile or "/")):
            if not path.startswith("/") or ".." in path.split("/"):
                raise self.refuse(data.lineno, f"%{when} {option} {path!r} is not an absolute path")
        return Script(
            when="pre" if when == "pre" else "post",
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
