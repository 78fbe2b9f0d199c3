"""The repository that the rehearsal builds: this one, but for the URLs and the keys of RPM repositories."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from edgelinux_hostd.run import run

__all__ = ["BASE", "copy_repository", "with_keys"]

BASE = "centos-stream-10"


def copy_repository(root: Path, to: Path) -> Path:
    """Copy what a clone would have, changes that are not committed as well; returns the copy."""
    listing = run(["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]).stdout
    for name in filter(None, listing.split("\0")):
        source, target = root / name, to / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return to


def with_keys(base: Mapping[str, Any], fingerprints: Mapping[str, str]) -> dict[str, Any]:
    """Return a base's definition with other keys, by their names; URLs come in by the environment."""
    mirrors = dict(base["mirrors"])
    mirrors["keys"] = {
        name: {**key, "fingerprint": fingerprints[name], "source": "the rehearsal"}
        for name, key in mirrors["keys"].items()
    }
    return {**base, "mirrors": mirrors}


def replace_keys(root: Path, fingerprints: Mapping[str, str], public: Path) -> None:
    """Have a copy's base trust the stand-in's keys instead of CentOS's."""
    path = root / f"images/bases/{BASE}.yaml"
    base = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(with_keys(base, fingerprints), sort_keys=False), encoding="utf-8")
    for name, key in base["mirrors"]["keys"].items():
        shutil.copyfile(public / f"{name}.asc", root / "images/keys" / key["file"])
