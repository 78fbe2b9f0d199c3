"""The output directory: the ISO with its checksum and manifest, replaced as a whole and recognized again."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

from .cache import Result
from .inputs import Json
from .rights import hand_over, make_directory
from .stage import Project

__all__ = ["lookup_output", "manifest_of", "publish"]

_MANIFEST = "manifest.json"
_SUMS = "SHA256SUMS"


def lookup_output(out: Path, key: str | None = None) -> Result | None:
    """Return what the output directory holds, if it is whole and (with a key) made from these inputs."""
    try:
        manifest: dict[str, Any] = json.loads((out / _MANIFEST).read_text(encoding="utf-8"))
        stage, iso = manifest["stages"]["iso"], out / manifest["iso"]["name"]
        whole = iso.stat().st_size == manifest["iso"]["size"]
        # An ISO that was written to since is another one.
        whole = whole and iso.stat().st_mtime <= (out / _MANIFEST).stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not whole or (key is not None and stage["key"] != key):
        return None
    facts = {**manifest["iso"], "iso": manifest["iso"]["name"]}
    return Result("iso", stage["key"], out, stage["key"], stage["inputs"], facts, stage["seconds"])


def manifest_of(project: Project, results: Mapping[str, Result], iso: Result) -> dict[str, Json]:
    """Return manifest.json: what the ISO is, what is in it, and the hashes of the stages that made it."""
    contents = iso.facts["contents"]
    return {
        **(contents if isinstance(contents, dict) else {}),
        "product": project.image.product,
        "image": project.image.name,
        "version": project.image.version,
        "base": project.base.name,
        "base_label": project.base.label,
        "base_why": project.why_base,
        "cpu_level": project.base.cpu_level,
        "kickstart_sha256": iso.inputs["kickstart"],
        "unattended": project.unattended,
        "source_date_epoch": project.epoch,
        "iso": {"name": iso.facts["iso"], **{name: iso.facts[name] for name in ("size", "sha256", "label")}},
        "stages": {
            **{name: {"key": result.key, "seconds": result.seconds} for name, result in results.items()},
            iso.stage: {"key": iso.key, "seconds": iso.seconds, "inputs": iso.inputs},
        },
    }


def publish(made: Path, out: Path, manifest: Mapping[str, Any]) -> None:
    """Move a made ISO into the output directory: the manifest, which vouches for the rest, goes last."""
    iso = str(manifest["iso"]["name"])
    try:
        make_directory(out)
        with _alone(out):
            (out / _MANIFEST).unlink(missing_ok=True)
            _move(made / iso, out / iso)
            sums = "".join(_other_sums(out, iso)) + (made / _SUMS).read_text(encoding="utf-8")
            _write(out / _SUMS, sums)
            _write(out / _MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise EdgeLinuxError(f"cannot write to {out}: {error.strerror}") from error


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep two builds with the same output directory from mixing their files."""
    folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _other_sums(out: Path, iso: str) -> Iterator[str]:
    """Keep the checksums of other ISOs that lie in the same directory."""
    with contextlib.suppress(FileNotFoundError):
        for line in (out / _SUMS).read_text(encoding="utf-8").splitlines(keepends=True):
            name = line.split()[-1] if line.split() else iso
            if name != iso and (out / name).is_file():
                yield line


def _move(source: Path, target: Path) -> None:
    """Rename within a file system; across, copy beside the target first. A reader sees the old or the new."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".{target.name}.part")
        try:
            shutil.copyfile(source, part)
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)
    hand_over(target)


def _write(target: Path, text: str) -> None:
    part = target.with_name(f".{target.name}.part")
    part.write_text(text, encoding="utf-8")
    part.rename(target)
    hand_over(target)
