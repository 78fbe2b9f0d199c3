"""edgeLinux from Python: what the `edgelinux` command does, as functions with types. See docs/api.md.

Nothing here ends the process, and nothing prints but `build`. What goes wrong is an EdgeLinuxError, whose
text is one line and whose `exit_code` is the command's. Kickstarts raise KickstartError and site files
YamlError; both are of that kind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.kickstart import Kickstart, KickstartError, read_kickstart
from edgelinux_installer.site.model import Site, load_site
from edgelinux_installer.site.render import render_kickstart
from edgelinux_installer.site.yaml_lines import YamlError

from .cache import Cache, cache_home
from .kickstart_file import load_kickstart
from .medium import embed as _embed
from .medium.inspect import Inspection
from .medium.inspect import inspect as _inspect
from .plan import Step
from .progress import PlainReporter
from .project import find_root
from .project import load_project as _load_project
from .runner import Builder
from .sites import Sites, SitesError, load_sites
from .stage import Project
from .stages import forced_stages, iso_stages
from .usb.meter import SilentMeter
from .usb.targets import Target as UsbDisk
from .usb.targets import list_targets
from .usb.write import Stick, plan_stick, write_stick
from .verify import Finding
from .verify import verify as _verify

__all__ = [
    "EdgeLinuxError",
    "Finding",
    "Inspection",
    "Iso",
    "Kickstart",
    "KickstartError",
    "Project",
    "Site",
    "Sites",
    "SitesError",
    "Step",
    "Stick",
    "UsbDisk",
    "YamlError",
    "build",
    "check_kickstart",
    "embed_kickstart",
    "embed_site",
    "inspect_iso",
    "list_usb",
    "load_project",
    "load_site",
    "load_sites",
    "plan",
    "read_kickstart",
    "render_kickstart",
    "verify",
    "write_usb",
]


@dataclass(frozen=True)
class Iso:
    """An ISO that was written: where it is, its size in bytes, and the SHA-256 (hex) of it."""

    path: Path
    size: int
    sha256: str


def load_project(
    image: str | None = None,
    *,
    base: str = "auto",
    site: Path | None = None,
    out: Path | None = None,
    root: Path | None = None,
    locked: bool = False,
) -> Project:
    """Load all definitions of an image and render its kickstart.

    `image` may be left out when there is one; `base` auto takes the best whose mirror answers; without `site`
    it is the documented default; `out` is by default out/ in the repository, and `root` the repository around
    the working directory; `locked` keeps to the lock file. Raises EdgeLinuxError, with file and line where a
    definition is wrong.
    """
    found = _repository(root)
    return _load_project(found, image, base, site, out or found / "out", locked=locked)


def plan(project: Project, *, force: Collection[str] = ()) -> tuple[Step, ...]:
    """Decide which stages a build would run, and why; runs and writes nothing.

    `force` names stages that are to run whatever is cached. Each step has the `stage`, the `action` (cached,
    run, depends, not needed) and the reason, `why`.
    """
    stages = iso_stages(project)
    builder = Builder(project, Cache(cache_home()), stages, PlainReporter())
    return builder.plan(forced_stages(force, stages))


def build(
    image: str | None = None,
    *,
    base: str = "auto",
    site: Path | None = None,
    out: Path | None = None,
    root: Path | None = None,
    locked: bool = False,
    sign_key: str = "",
    force: Collection[str] = (),
) -> Iso:
    """Build an image; the arguments are those of `load_project` and `plan`.

    `sign_key` is the OpenPGP key that signs the checksums: an id, a fingerprint or a file.

    It runs as a process of its own, since it takes root and mount namespaces: root, or sudo that asks
    nothing, is needed unless everything is there already. What it does goes to standard error. Takes
    minutes when nothing is cached. Raises EdgeLinuxError.
    """
    found = _repository(root)
    argv = [sys.executable, "-m", "edgelinux_build.cli", "build", *([image] if image else [])]
    argv += ["--base", base, "--out", str((out or found / "out").resolve()), "--format", "json"]
    argv += [word for stage in force for word in ("--force", stage)]
    argv += ["--site", str(site.resolve())] if site else []
    argv += ["--locked"] if locked else []
    argv += ["--sign-key", sign_key] if sign_key else []
    env = {**os.environ, "EDGELINUX_ROOT": str(found)}
    with subprocess.Popen(
        argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said = list(_passed_on(process))
        result = process.stdout.read() if process.stdout else ""
    if process.returncode:
        message = next((line for line in reversed(said) if line), "it said nothing").strip()
        raise EdgeLinuxError(message.removeprefix("edgelinux: "), exit_code=process.returncode)
    made = json.loads(result)
    return Iso(Path(made["iso"]), int(made["size"]), str(made["sha256"]))


def _repository(root: Path | None) -> Path:
    return root.resolve() if root else find_root()


def _passed_on(process: subprocess.Popen[str]) -> Iterator[str]:
    """Show what a build says while it says it, and give it back."""
    for line in process.stderr or ():
        sys.stderr.write(line)
        yield line


def check_kickstart(file: Path) -> Kickstart:
    """Read a kickstart as the installer will; raises KickstartError, which has `file` and `line`."""
    return load_kickstart(file)[1]


def inspect_iso(iso: Path, *, verify: bool = True) -> Inspection:
    """Say what an ISO is, and whether it boots everywhere; `verify` reads all of it (about 1 s for 300 MB).

    Damage is no error: it is in `problems`, and `ok` is false. Raises EdgeLinuxError when the file cannot be
    read, is cut off, or is not an edgeLinux ISO.
    """
    return _inspect(iso, verify=verify)


def embed_kickstart(
    iso: Path,
    kickstart: Path,
    out: Path,
    *,
    unattended: bool = False,
    force: bool = False,
    sign_key: str = "",
) -> Iso:
    """Write an ISO anew with another kickstart; what vouches for it, beside `out`, follows.

    `unattended` media install without asking; `force` replaces `out`. Raises KickstartError when the
    installer would refuse the kickstart, else EdgeLinuxError: `iso` is damaged or none of edgeLinux's, `out`
    exists or is `iso`, there is no room, or an unattended installation would let nobody log in.
    """
    answer = _embed.answer_from_kickstart(kickstart, unattended=unattended)
    return _embedded(iso, answer, out, force, sign_key)


def embed_site(iso: Path, site: Path, out: Path, *, force: bool = False, sign_key: str = "") -> Iso:
    """Write an ISO anew with a site file's kickstart, as `embed_kickstart` does; raises YamlError, too."""
    return _embedded(iso, _embed.answer_from_site(site), out, force, sign_key)


def list_usb() -> tuple[UsbDisk, ...]:
    """List this machine's disks, sticks first; `reason` says why one is not written to, "" that it can be."""
    return list_targets()


def write_usb(
    iso: Path, device: Path, *, sites: Path | None = None, internal: bool = False, verify: bool = True
) -> Stick:
    """Write an ISO onto a disk, without a question: all that is on it is lost.

    `sites` is a directory of site files, `internal` allows a disk that is not removable, `verify` reads it
    back. Needs the right to write to the device. Raises EdgeLinuxError: the ISO is damaged, a site file is
    wrong, the disk is mounted, in use or too small, or was pulled out, or does not hold what was written.
    """
    plan = plan_stick(iso, device, sites=sites, internal=internal)
    return write_stick(plan, SilentMeter(), verify=verify)


def verify(folder: Path, *, key: str = "") -> list[Finding]:
    """Check signature, checksums and manifest of a directory of outputs; each finding is `good` or not.

    `key` is the builder's public key, as a file or its whole fingerprint; without it, the signer's has to be
    in the user's keyring. Raises EdgeLinuxError when the directory has no checksums.
    """
    return _verify(folder, key)


def _embedded(iso: Path, answer: _embed.Answer, out: Path, force: bool, sign_key: str) -> Iso:
    made = _embed.embed(iso, answer, out, force=force, sign_key=sign_key)["iso"]
    return Iso(out, int(made["size"]), str(made["sha256"]))
