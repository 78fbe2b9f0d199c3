"""Who can log in to this host and how, and so what a person does next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Login", "next_steps", "read_logins"]

# login.defs(5): UID_MIN and UID_MAX.
_PEOPLE = range(1000, 60001)
_CREATE = "antlet template list; antlet create NAME --template TEMPLATE --start"


@dataclass(frozen=True)
class Login:
    """An account, whether it has an SSH key, whether it has a password, and whether that must be changed."""

    name: str
    key: bool = False
    password: bool = False
    expired: bool = False


def next_steps(logins: Sequence[Login], addresses: Sequence[str]) -> tuple[str, ...]:
    """Say what to do next on a new host, a line for each step. `logins` has root first."""
    by_key = [login for login in logins if login.key]
    by_password = [login for login in logins if login.password]
    if not by_key and not by_password:
        return ("install again with root.ssh_keys: nobody has a password or an SSH key",)
    steps = []
    if not addresses:
        steps.append("connect a cable, or set an address with nmcli: there is none")
    if by_key and addresses:
        steps.append(f"ssh {by_key[0].name}@{addresses[0]}")
    elif by_password:
        changed = ", and change the password" if by_password[0].expired else ""
        steps.append(f"log in here as {by_password[0].name}{changed}")
        if not by_key:
            home = "/root" if by_password[0].name == "root" else f"/home/{by_password[0].name}"
            steps.append(f"put an SSH key into {home}/.ssh/authorized_keys: SSH takes no passwords")
    return (*steps, _CREATE)


def read_logins(root: Path = Path("/")) -> tuple[Login, ...]:
    """Read the accounts of root and of people; only root may see all that is asked for."""
    shadow = {fields[0]: fields for fields in _fields(root / "etc/shadow", 3)}
    found = []
    for name, _, uid, _, _, home, *_ in _fields(root / "etc/passwd", 7):
        if name == "root" or (uid.isdecimal() and int(uid) in _PEOPLE):
            _, password, changed, *_ = shadow.get(name, [name, "*", ""])
            usable = not password.startswith(("!", "*"))
            found.append(Login(name, _has_key(root, home), usable, usable and changed == "0"))
    return tuple(sorted(found, key=lambda login: login.name != "root"))


def _fields(path: Path, least: int) -> list[list[str]]:
    """Give the lines of passwd(5) or shadow(5), in fields."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [fields for line in lines if len(fields := line.split(":")) >= least]


def _has_key(root: Path, home: str) -> bool:
    try:
        text = (root / home.lstrip("/") / ".ssh/authorized_keys").read_text(
            encoding="utf-8", errors="replace"
        )
    except OSError:
        return False
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())
