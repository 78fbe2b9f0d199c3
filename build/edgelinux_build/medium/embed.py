"""Gives an ISO another kickstart: the same system, written anew around it. Needs no root, no cache."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run
from edgelinux_installer.kickstart import read_kickstart
from edgelinux_installer.plan import check_selinux
from edgelinux_installer.site.model import load_site
from edgelinux_installer.site.render import render_kickstart

from edgelinux_build.failures import NO_SPACE, free_bytes
from edgelinux_build.kickstart_file import has_login, load_kickstart
from edgelinux_build.medium.files import BIOS_IMAGE, SUMS, render_sums, sha512, small_files
from edgelinux_build.medium.image import IsoImage, open_iso
from edgelinux_build.medium.info import MediaInfo
from edgelinux_build.medium.manifest import embedded_manifest, manifest_beside
from edgelinux_build.medium.write import Cut, stub_argv, write_env, xorriso_argv
from edgelinux_build.menu import render_search_cfg, volume_label
from edgelinux_build.outputs import MANIFEST, publish, sbom_name
from edgelinux_build.outputs import SUMS as OUTPUT_SUMS
from edgelinux_build.rights import make_directory
from edgelinux_build.sbom import for_another_medium
from edgelinux_build.signing import fingerprint_of

__all__ = ["Answer", "answer_from_kickstart", "answer_from_site", "embed"]

_USAGE = 2
_ROOM = 8 * 2**20
"""Bytes for the small files, which are copied; larger ones go from ISO to ISO."""
_SMALL = 64 * 2**10


@dataclass(frozen=True)
class Answer:
    """What a medium is to install: a kickstart that has been checked, and whether it does so by itself."""

    kickstart: str
    unattended: bool = False
    serial: str | None = None
    """Console argument of the serial console, "" for none; None leaves that of the ISO."""
    file: str = "kickstart"
    """Its name in messages."""


def answer_from_kickstart(path: Path, *, unattended: bool = False) -> Answer:
    """Read and check a kickstart; raises KickstartError with file and line.

    Unattended, it has to give somebody a login: nobody sits there to see that it does not.
    """
    text, ks = load_kickstart(path)
    if unattended and not has_login(ks):
        raise EdgeLinuxError(
            f"{path}: nobody could log in to the installed host",
            hint="an unattended installation needs rootpw, user --password or sshkey",
            exit_code=_USAGE,
        )
    return Answer(text, unattended, file=str(path))


def answer_from_site(path: Path) -> Answer:
    """Render a site file, which also says whether the medium is unattended; raises YamlError."""
    site = load_site(path)
    return Answer(render_kickstart(site), site.unattended, site.serial_console or "", str(path))


def embed(iso: Path, answer: Answer, out: Path, *, force: bool = False, sign_key: str = "") -> dict[str, Any]:
    """Write the ISO with another kickstart to `out`, and what vouches for it beside it.

    The result has the bytes that a build of the same system with this kickstart has; `sign_key` is as for
    builds. Returns the manifest. Raises EdgeLinuxError: `iso` is not an edgeLinux ISO or is damaged, `out`
    exists (unless `force`) or is `iso` itself, there is no room for it, or it cannot be signed.
    """
    if sign_key:
        fingerprint_of(sign_key)  # raises before anything is written
    _check_output(iso, out, force)
    image = open_iso(iso)
    ks = read_kickstart(answer.kickstart, answer.file)
    check_selinux(ks, has_selinux=image.info.selinux, where=image.info.base_label)
    problems = image.problems()
    if problems:
        raise EdgeLinuxError(f"{iso} is damaged: {problems[0]}", hint="copy or download it again")
    _check_room(image, out.parent)
    try:
        make_directory(out.parent)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            made = Path(folder)
            info = _write(image, answer, made / out.name, made)
            manifest = embedded_manifest(image, info, answer.kickstart, made / out.name)
            _write_sbom(image, manifest["iso"]["sha256"], made, out.name)
            publish(made, out.parent, manifest, sign_key=sign_key)
    except (OSError, CommandError) as error:
        raise _explained(error, out.parent) from error
    return manifest


def _check_output(iso: Path, out: Path, force: bool) -> None:
    if out.is_dir():
        raise EdgeLinuxError(f"{out} is a directory", hint="name the ISO to write", exit_code=_USAGE)
    if out.exists() and iso.exists() and out.samefile(iso):
        raise EdgeLinuxError(
            f"{out} is the ISO that is read", hint="give the new one another name", exit_code=_USAGE
        )
    if out.exists() and not force:
        raise EdgeLinuxError(
            f"{out} exists", hint="--force replaces it; or give another name", exit_code=_USAGE
        )
    if out.name in (OUTPUT_SUMS, MANIFEST) or any(sign.isspace() for sign in out.name):
        raise EdgeLinuxError(
            f"{out.name!r} cannot name an ISO",
            hint="a name without spaces, such as edge7.iso",
            exit_code=_USAGE,
        )


def _check_room(image: IsoImage, folder: Path) -> None:
    needed, free = image.size + image.uefi().size + _ROOM, free_bytes(folder)
    if free < needed:
        raise EdgeLinuxError(
            f"the new ISO needs {needed / 1e6:.0f} MB in {folder}, {free / 1e6:.0f} MB are free",
            hint="free some, or write it elsewhere",
            exit_code=NO_SPACE,
        )


def _write(image: IsoImage, answer: Answer, new: Path, folder: Path) -> MediaInfo:
    """Write the new ISO: what depends on the kickstart is made anew, all else comes from the old one."""
    old = image.info
    label = volume_label(old.squashfs_sha256, answer.kickstart, old.templates_sha256)
    env = write_env(old.source_date_epoch)
    esp, stub, mbr = folder / "esp.img", folder / "stub.cfg", folder / "mbr.img"
    esp.write_bytes(image.interval(image.uefi()))
    stub.write_text(render_search_cfg(label), encoding="utf-8")
    run(stub_argv(esp, stub), env=env)
    mbr.write_bytes(image.first_sector())
    info = old.model_copy(
        update={
            "label": label,
            "unattended": answer.unattended,
            "asks": False,
            "serial": old.serial if answer.serial is None else answer.serial,
            "boot": old.boot.model_copy(update={"uefi": sha512(esp)}),
        }
    )
    small = small_files(info, answer.kickstart)
    sums = {**image.sums, **{name: sha512(content) for name, content in small.items()}}
    small[SUMS] = render_sums(sums).encode()
    files: dict[str, Path | Cut] = {}
    for number, (name, extent) in enumerate(image.extents.items()):
        # xorriso cuts out no empty files, and needs BIOS_IMAGE earlier than it cuts.
        if extent.size > _SMALL and name not in (*small, BIOS_IMAGE):
            files[name] = Cut(image.path.resolve(), extent.offset, extent.size)
        else:
            files[name] = source = folder / str(number)
            source.write_bytes(small[name] if name in small else image.read(name))
    run(xorriso_argv(label, info.source_date_epoch, new, esp, mbr, files), env=env)
    return info


def _write_sbom(image: IsoImage, sha256: str, folder: Path, name: str) -> None:
    """Bring the bill of materials beside the old ISO up to date, if there is one of this ISO."""
    old = image.path.with_name(sbom_name(image.path.name))
    if old.is_file() and manifest_beside(image):
        text = for_another_medium(old.read_text(encoding="utf-8"), name, sha256)
        (folder / sbom_name(name)).write_text(text, encoding="utf-8")


def _explained(error: OSError | CommandError, folder: Path) -> EdgeLinuxError:
    said = error.stderr if isinstance(error, CommandError) else str(error)
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    if full or os.strerror(errno.ENOSPC) in said:
        return EdgeLinuxError(
            f"no space left on the file system of {folder}",
            hint="free some, or write it elsewhere",
            exit_code=NO_SPACE,
        )
    if isinstance(error, CommandError):
        # Its command line would be a page long.
        lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"]
        why = next((line for line in lines if re.search(r": (FAILURE|FATAL) :", line)), lines[-1])
        return EdgeLinuxError(f"{error.argv[0]} failed with exit code {error.returncode}: {why}")
    return EdgeLinuxError(f"cannot write to {folder}: {error.strerror}")
