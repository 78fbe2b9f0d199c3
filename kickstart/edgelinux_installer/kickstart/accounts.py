"""The accounts of a kickstart: `rootpw`, `user`, `group` and `sshkey`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edgelinux_installer.kickstart.include import Expanded
from edgelinux_installer.kickstart.model import Group, RootPassword, SshKey, User

__all__ = ["groups", "root_password", "ssh_keys", "users"]

_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def root_password(data: Any, source: Expanded) -> RootPassword | None:
    """Give what `rootpw` says, or None without it."""
    if not data.seen:
        return None
    _check_password(data, source)
    return RootPassword(data.password, bool(data.isCrypted), bool(data.lock), data.lineno)


def users(lines: Sequence[Any], source: Expanded) -> tuple[User, ...]:
    """Give the `user` lines."""
    return tuple(_user(data, source) for data in lines)


def groups(lines: Sequence[Any], people: Sequence[User], source: Expanded) -> tuple[Group, ...]:
    """Give the `group` lines; none may be a group that a user brings along."""
    for data in lines:
        if not _NAME.fullmatch(data.name):
            raise source.error(data.lineno, f"{data.name!r} is not a group name")
        if data.gid is not None and data.gid < 0:
            raise source.error(data.lineno, f"group --gid={data.gid} is not a number from 0 on")
        if any(user.name == data.name for user in people):
            raise source.error(data.lineno, f"the user {data.name} brings a group of that name along")
    return tuple(Group(data.name, data.gid, data.lineno) for data in lines)


def ssh_keys(lines: Sequence[Any], source: Expanded) -> tuple[SshKey, ...]:
    """Give the `sshkey` lines."""
    for data in lines:
        if not _NAME.fullmatch(data.username):
            raise source.error(data.lineno, f"{data.username!r} is not an account name")
        if len(data.key.split()) < 2:
            raise source.error(
                data.lineno, "this is not an SSH public key", "one line of a .pub file, in quotes"
            )
    return tuple(SshKey(data.username, data.key.strip(), data.lineno) for data in lines)


def _user(data: Any, source: Expanded) -> User:
    if not _NAME.fullmatch(data.name):
        raise source.error(
            data.lineno,
            f"{data.name!r} is not an account name",
            "lower-case letters, digits, - and _, at most 32, not beginning with a digit",
        )
    if data.name == "root":
        raise source.error(data.lineno, "the account root exists", "rootpw sets its password")
    for group in data.groups:
        if not _NAME.fullmatch(group):
            raise source.error(data.lineno, f"{group!r} is not a group name")
    for option, path in (("--homedir", data.homedir), ("--shell", data.shell)):
        if path and (not path.startswith("/") or ".." in path.split("/") or ":" in path):
            raise source.error(data.lineno, f"user {option} {path!r} is not an absolute path")
    if ":" in data.gecos:
        raise source.error(data.lineno, "user --gecos cannot hold a colon")
    _check_password(data, source)
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


def _check_password(data: Any, source: Expanded) -> None:
    # crypt(5): a hash begins with $, and neither it nor a password may break the lines of chpasswd(8).
    password = data.password
    if data.isCrypted and password and not re.fullmatch(r"\$[0-9a-z]+\$[^\s:]+", password):
        raise source.error(
            data.lineno, "the password is not a hash", "make one with `openssl passwd -6`, or use --plaintext"
        )
    if any(ord(sign) < 32 or sign == "\x7f" for sign in password):
        raise source.error(data.lineno, "the password holds a control character")
