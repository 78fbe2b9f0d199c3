"""How long building takes: cold against the bare commands, and again after small changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from edgelinux_build.images import load_bases, load_image
from edgelinux_build.mirrors import find_mirrors
from edgelinux_build.project import default_image

from tests.base import build_argv
from tests.bench.report import Figure, Report

__all__ = ["measure_building"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Checkout:
    """A copy of the sources with a cache of its own, so that it can be changed and its builds are cold."""

    root: Path
    cache: Path
    out: Path
    log: Path

    def build(self, *options: str) -> float:
        """Runs `edgelinux build`; how many seconds it took."""
        env = {
            **os.environ,
            "XDG_CACHE_HOME": str(self.cache),
            "PYTHONPATH": os.pathsep.join(str(self.root / name) for name in ("build", "kickstart", "hostd")),
            # The copy has no history to take it from.
            "SOURCE_DATE_EPOCH": "1767225600",
        }
        argv = build_argv("--out", self.out, *options)
        started = time.monotonic()
        with self.log.open("a") as log:
            subprocess.run(argv, cwd=self.root, env=env, check=True, stdout=log, stderr=log)
        return time.monotonic() - started

    def manifest(self) -> dict[str, object]:
        """What the last build says it made."""
        manifest: dict[str, object] = json.loads((self.out / "manifest.json").read_text())
        return manifest


def _copy_sources(target: Path) -> None:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def _floor(checkout: Checkout, scratch: Path) -> dict[str, float]:
    """Runs the bare commands in a mount namespace of their own; seconds by command, none where they are not
    those of the base.
    """
    bases = {base.name: base for base in load_bases(ROOT)}
    manifest = checkout.manifest()
    base = bases[str(manifest["base"])]
    if base.mirrors.kind != "apt":
        print(f"cold build: without a floor, which is debootstrap and apt, and not of {base.label}")
        return {}
    image = load_image(ROOT, default_image(ROOT))
    mirrors = find_mirrors(base)
    packages = manifest["packages"]
    assert isinstance(packages, dict)
    plan = {
        "suite": base.environment["DIB_RELEASE"],
        "components": base.environment["DIB_DEBIAN_COMPONENTS"],
        "environment": dict(base.environment),
        "packages": sorted(packages),
        "archive": mirrors.archive,
        "security": mirrors.security,
        "kernel": manifest["kernel"],
        "zfs_files": {**base.packages.sources, **base.zfs.files},
        "zfs_commands": [list(argv) for argv in (base.packages.refresh, *base.zfs.commands)],
        "zfs_environment": dict(base.zfs.packages_env),
        "level": image.squashfs.level,
    }
    plan_file = scratch / "floor.json"
    plan_file.write_text(json.dumps(plan))
    argv = ["unshare", "--mount", "--propagation", "private"]
    argv += [sys.executable, "-m", "tests.bench.floor", str(plan_file), str(scratch / "floor")]
    with checkout.log.open("a") as log:
        subprocess.run(argv, cwd=ROOT, check=True, stdout=log, stderr=log)
    seconds: dict[str, float] = json.loads((scratch / "floor" / "seconds.json").read_text())
    return seconds


def measure_building(report: Report, scratch: Path, log: Path) -> None:
    """Measures the cold build and its floor, then the builds after small changes."""
    checkout = Checkout(scratch / "checkout", scratch / "cache", scratch / "out", log)
    _copy_sources(checkout.root)
    cold = checkout.build()
    manifest = checkout.manifest()
    timings = json.loads((checkout.out / "timings.json").read_text())
    parts = {name: float(seconds) for name, seconds in timings["seconds"].items()}
    iso = manifest["iso"]
    assert isinstance(iso, dict)
    # The system's 350 MB, and the antlet templates that travel with it.
    report.add(Figure("ISO size", int(iso["size"]) / 1e6, "MB", 450))
    report.add(Figure("build, nothing changed", checkout.build(), "s", 3))
    site = scratch / "bench.site.yaml"
    site.write_text("hostname: measured\n")
    report.add(Figure("build after a site change", checkout.build("--site", str(site)), "s", 10))
    changed = checkout.root / "hostd" / "edgelinux_hostd" / "errors.py"
    changed.write_text(changed.read_text() + "\n# measured\n")
    report.add(Figure("build after a change in hostd", checkout.build(), "s", 120))
    floor = _floor(checkout, scratch)
    limit = 1.3 if floor else None
    report.add(Figure("cold build", cold, "s", limit, sum(floor.values()), parts, floor))
