"""Sets up who can log in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.chroot import bind, in_target
from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.kickstart import RootPassword, SshKey, User

__all__ = ["STEP", "create", "useradd_argv"]

_SHELL = "/bin/bash"


def create(ctx: Context) -> None:
    """Create groups and users, set passwords, install SSH keys."""
    ks = ctx.plan.kickstart
    bind(ctx.target)
    own = {user.name for user in ks.users}
    for own_group in ks.groups:
        gid = [] if own_group.gid is None else ["--gid", str(own_group.gid)]
        in_target(ctx.target, ["groupadd", "--force", *gid, own_group.name])
    for group in dict.fromkeys(group for user in ks.users for group in user.groups):
        # The groups named like users come with them; but all others have to be there first.
        if group not in own:
            in_target(ctx.target, ["groupadd", "--force", group])
    shared = {group.gid for group in ks.groups if group.gid is not None}
    for user in ks.users:
        if user.gid is not None and user.gid not in shared:
            in_target(ctx.target, ["groupadd", "--gid", str(user.gid), user.name])
        in_target(ctx.target, useradd_argv(user))
    # Nobody said how root logs in: not by a password then.
    _passwords(ctx.target, ks.root or RootPassword(locked=True), ks.users)
    _ssh_keys(ctx.target, ks.ssh_keys)


def useradd_argv(user: User) -> list[str]:
    """Give the useradd(8) command for a user; without a password the account is locked."""
    argv = ["useradd", "--create-home", "--shell", user.shell or _SHELL]
    argv += ["--gid", str(user.gid)] if user.gid is not None else ["--user-group"]
    if user.uid is not None:
        argv += ["--uid", str(user.uid)]
    groups = [group for group in user.groups if group != user.name]
    if groups:
        argv += ["--groups", ",".join(groups)]
    if user.homedir:
        argv += ["--home-dir", user.homedir]
    if user.gecos:
        argv += ["--comment", user.gecos]
    return [*argv, user.name]


def _passwords(target: Path, root: RootPassword, users: Iterable[User]) -> None:
    accounts = [("root", root.password, root.crypted, root.locked)]
    accounts += [(user.name, user.password, user.crypted, user.locked) for user in users]
    for options, wanted in ((["--encrypted"], True), ([], False)):
        lines = [f"{name}:{word}\n" for name, word, crypted, _ in accounts if word and crypted is wanted]
        if lines:
            # Handed over on standard input, which is never logged.
            in_target(target, ["chpasswd", *options], stdin="".join(lines))
    for name, _, _, locked in accounts:
        if locked:
            in_target(target, ["usermod", "--lock", name])


def _ssh_keys(target: Path, keys: Iterable[SshKey]) -> None:
    by_user: dict[str, list[str]] = {}
    for key in keys:
        by_user.setdefault(key.user, []).append(key.key)
    for name, lines in by_user.items():
        home, uid, gid = _passwd(target, name)
        directory = target / home.lstrip("/") / ".ssh"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        write(directory / "authorized_keys", "".join(f"{line}\n" for line in lines), 0o600)
        for path in (directory, directory / "authorized_keys"):
            os.chown(path, uid, gid)


def _passwd(target: Path, name: str) -> tuple[str, int, int]:
    """Find home, uid and gid of an account in the new system (passwd(5))."""
    for line in (target / "etc/passwd").read_text(encoding="utf-8").splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) == 7:
            return fields[5], int(fields[2]), int(fields[3])
    raise EdgeLinuxError(f"the new system has no account {name}")


STEP = Step("Creating the accounts", 3, create)
