"""Checks a kickstart against the tree that will be installed, while nothing has been touched.

The live system is that tree, so what is missing here would be missing there, after the disks were erased.
"""

from __future__ import annotations

from pathlib import Path

from edgelinux_installer.kickstart import Kickstart

__all__ = ["check_tree"]

_UNIT_DIRECTORIES = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_UNIT_KINDS = (".service", ".socket", ".timer", ".target", ".path", ".mount")


def check_tree(ks: Kickstart, root: Path = Path("/")) -> None:
    """Raise KickstartError for a time zone, service, shell or interpreter that the tree does not have."""
    if not (root / "usr/share/zoneinfo" / ks.timezone).is_file() or ".." in ks.timezone:
        raise ks.error(ks.lines.get("timezone", 0), f"the image has no time zone {ks.timezone}", "Etc/UTC")
    for unit in (*ks.services.enabled, *ks.services.disabled):
        if not _has_unit(root, unit):
            raise ks.error(ks.services.line, f"the image has no service {unit}")
    _check_ids(ks, root)
    for user in ks.users:
        if user.shell and not _has_program(root, user.shell):
            raise ks.error(user.line, f"the image has no shell {user.shell}")
    for script in ks.scripts:
        if not _has_program(root, script.interpreter):
            raise ks.error(script.line, f"%{script.when}: the image has no {script.interpreter}")


def _check_ids(ks: Kickstart, root: Path) -> None:
    """Refuse names and numbers that the image has given away, which useradd and groupadd would stop at."""
    groups = _numbers(root / "etc/group")
    for group in ks.groups:
        # A group that the image has is there already, unless it is to have another number.
        if group.gid is None or groups.get(group.name) == group.gid:
            continue
        if group.name in groups:
            raise ks.error(
                group.line, f"the image already has a group {group.name}, with --gid={groups[group.name]}"
            )
        if group.gid in groups.values():
            raise ks.error(group.line, f"group --gid={group.gid} is in use in the image")
        if any(group.gid == other.gid and group is not other for other in ks.groups):
            raise ks.error(group.line, f"group --gid={group.gid} is given twice")
    uids = set(_numbers(root / "etc/passwd").values())
    for user in ks.users:
        if user.name in groups:
            raise ks.error(user.line, f"the image already has a group {user.name}")
        if user.uid is not None and user.uid in uids:
            raise ks.error(user.line, f"user --uid={user.uid} is in use in the image")
        if user.gid is not None and user.gid in groups.values():
            raise ks.error(user.line, f"user --gid={user.gid} is in use in the image")
        if user.uid is not None:
            uids.add(user.uid)


def _numbers(path: Path) -> dict[str, int]:
    """Map the names in passwd(5) or group(5) to their numbers."""
    fields = (line.split(":") for line in path.read_text(encoding="utf-8").splitlines())
    return {words[0]: int(words[2]) for words in fields if len(words) > 2 and words[2].isdigit()}


def _has_unit(root: Path, name: str) -> bool:
    file = name if name.endswith(_UNIT_KINDS) else f"{name}.service"
    stem, at, rest = file.partition("@")
    # An instance (foo@bar.service) needs its template (foo@.service).
    template = f"{stem}@.{rest.rpartition('.')[2]}" if at else file
    return any(
        (root / directory / found).exists() for directory in _UNIT_DIRECTORIES for found in {file, template}
    )


def _has_program(root: Path, path: str) -> bool:
    # Not resolved: absolute links in the tree would lead out of it.
    file = root / path.lstrip("/")
    return file.is_symlink() or file.is_file()
