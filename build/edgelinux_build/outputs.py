"""The output directory: the ISO and what vouches for it, replaced as a whole and recognized again."""

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
from .inputs import Json, hash_file
from .rights import hand_over, make_directory
from .signing import SIGN_KEY, sign
from .stage import Project

__all__ = [
    "MANIFEST",
    "PUBLIC_KEY",
    "SIGNATURE",
    "SUMS",
    "TIMINGS",
    "lookup_output",
    "manifest_of",
    "publish",
    "read_sums",
    "sbom_name",
    "sign_output",
]

MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.asc"
PUBLIC_KEY = "signing-key.asc"
TIMINGS = "timings.json"
"""How long the stages took: the one file that differs between two builds of the same."""


def sbom_name(iso: str) -> str:
    """Return the name of the bill of materials that lies beside an ISO."""
    return str(Path(iso).with_suffix(".spdx.json"))


def lookup_output(out: Path, key: str | None = None) -> Result | None:
    """Return what the output directory holds, if it is whole and (with a key) made from these inputs."""
    try:
        manifest: dict[str, Any] = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        stage, iso = manifest["stages"]["iso"], out / manifest["iso"]["name"]
        whole = iso.stat().st_size == manifest["iso"]["size"]
        # An ISO that was written to since is another one.
        whole = whole and iso.stat().st_mtime <= (out / MANIFEST).stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not whole or (key is not None and stage["key"] != key):
        return None
    facts = {**manifest["iso"], "iso": manifest["iso"]["name"]}
    return Result("iso", stage["key"], out, stage["key"], stage["inputs"], facts)


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
        "commit": project.commit,
        "kickstart_sha256": iso.inputs["kickstart"],
        "unattended": project.unattended,
        "asks": project.asks,
        "source_date_epoch": project.epoch,
        "iso": {"name": iso.facts["iso"], **{name: iso.facts[name] for name in ("size", "sha256", "label")}},
        "stages": {
            **{name: {"key": result.key} for name, result in results.items()},
            iso.stage: {"key": iso.key, "inputs": iso.inputs},
        },
    }


def publish(
    made: Path,
    out: Path,
    manifest: Mapping[str, Any],
    *,
    timings: Mapping[str, float] | None = None,
    sign_key: str = "",
) -> None:
    """Move a made ISO into the output directory, with its bill of materials if there is one.

    The manifest, which vouches for the rest, goes last. SHA256SUMS covers all three, and is signed when
    `sign_key` or EDGELINUX_SIGN_KEY names a key.
    """
    iso = str(manifest["iso"]["name"])
    sbom = sbom_name(iso)
    try:
        make_directory(out)
        with _alone(out):
            for name in (MANIFEST, SIGNATURE, PUBLIC_KEY, TIMINGS, sbom):
                (out / name).unlink(missing_ok=True)
            sums = {**_other_sums(out, (iso, sbom, MANIFEST)), iso: str(manifest["iso"]["sha256"])}
            _move(made / iso, out / iso)
            if (made / sbom).is_file():
                sums[sbom] = hash_file(made / sbom)
                _move(made / sbom, out / sbom)
            with _replacing(out / MANIFEST) as part:
                part.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
                sums[MANIFEST] = hash_file(part)
                _write(out / SUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()))
                if timings:
                    _write(out / TIMINGS, json.dumps({"seconds": timings}, indent=1, sort_keys=True) + "\n")
                sign_output(out, sign_key or os.environ.get(SIGN_KEY, ""))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise EdgeLinuxError(f"cannot write to {out}: {error.strerror}") from error


def sign_output(out: Path, key: str) -> None:
    """Sign the checksums of an output directory, the public key beside them; nothing without a key."""
    if key:
        signature, public = sign(out / SUMS, key)
        _write(out / PUBLIC_KEY, public)
        _write(out / SIGNATURE, signature)


def read_sums(out: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that SHA256SUMS lists; raises FileNotFoundError."""
    rows = (line.split(maxsplit=1) for line in (out / SUMS).read_text(encoding="utf-8").splitlines())
    return {row[1].removeprefix("*"): row[0] for row in rows if len(row) == 2}


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep two builds with the same output directory from mixing their files."""
    folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _other_sums(out: Path, replaced: tuple[str, ...]) -> dict[str, str]:
    """Keep the checksums of other ISOs that lie in the same directory."""
    try:
        sums = read_sums(out)
    except FileNotFoundError:
        return {}
    kept = (name for name in sums if name not in replaced and (out / name).is_file())
    return {name: sums[name] for name in kept}


def _move(source: Path, target: Path) -> None:
    """Rename within a file system; across, copy beside the target first. A reader sees the old or the new."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with _replacing(target) as part:
            shutil.copyfile(source, part)
    else:
        hand_over(target)


def _write(target: Path, text: str) -> None:
    with _replacing(target) as part:
        part.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a path to write to that becomes the target when all went well."""
    part = target.with_name(f".{target.name}.part")
    try:
        yield part
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    hand_over(target)
