"""Which Debian packages installing some names would fetch: what the build host's apt says, in private."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_build.apt_repository import prepare
from edgelinux_build.archive import pins
from edgelinux_build.images import Base
from edgelinux_build.lock import LockedPackage
from edgelinux_build.tree import put_files

from .suite import Suite

__all__ = ["Apt"]


class Apt:
    """apt over the indexes of a mirror's directory, which it checks as it would those of a server."""

    def __init__(
        self,
        base: Base,
        mirror: Path,
        suites: Iterable[Suite],
        scratch: Path,
        locked: Mapping[str, LockedPackage] | None = None,
    ) -> None:
        """With `locked`, these versions are taken, and from indexes that are past their Valid-Until, too."""
        self._base, self._mirror = base, mirror
        lines = (
            f"deb [signed-by={base.mirrors.keyring}] file://{mirror / suite.repository} "
            f"{suite.name} {' '.join(suite.components)}\n"
            for suite in suites
        )
        self._environment = prepare(base, scratch, "".join(lines))
        if locked:
            self._pin(base, scratch, locked)
        try:
            run(["apt-get", "update"], env=self._environment)
        except CommandError as error:
            raise EdgeLinuxError(
                f"apt does not take the indexes of {base.label}: {_said(error)}",
                hint="take a mirror that is in step, and look at this host's clock",
            ) from error

    def _pin(self, base: Base, scratch: Path, locked: Mapping[str, LockedPackage]) -> None:
        with Path(self._environment["APT_CONFIG"]).open("a", encoding="utf-8") as conf:
            conf.writelines(base.packages.locked.values())
        if pin := base.packages.pin:
            put_files(scratch / "etc/preferences.d", {"lock": pins(base.packages, locked)[pin.file]})

    def paths(self, names: Sequence[str]) -> list[str]:
        """Return the package files, below the mirror, that installing the names would fetch.

        Raises EdgeLinuxError.
        """
        argv = ["apt-get", "install", "--yes", "--no-install-recommends", "--print-uris", "-qq", "--", *names]
        try:
            said = run(argv, env=self._environment).stdout
        except CommandError as error:
            raise EdgeLinuxError(
                f"the archive of {self._base.label} cannot be mirrored: {_said(error)}",
                hint="`edgelinux check` says who wants it, and names that are close",
            ) from error
        start = f"file:{self._mirror}/"
        uris = (unquote(shlex.split(line)[0]) for line in said.splitlines() if line.startswith("'"))
        return [re.sub(r"^file://", "file:", uri).removeprefix(start) for uri in uris]


def _said(error: CommandError) -> str:
    lines = [line[3:] for line in error.stderr.splitlines() if line.startswith("E: ")]
    return "; ".join(lines) or "it said nothing"
