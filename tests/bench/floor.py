"""The floor of a build: the same packages, the same ZFS, squashfs and ISO by bare commands, and nothing else.

Runs in a mount namespace of its own: `python -m tests.bench.floor PLAN DIRECTORY`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SATISFIES = Path(__file__).resolve().parents[2] / "elements" / "edgelinux-zfs" / "zfs-modules"

SECONDS: dict[str, float] = {}


@contextmanager
def timed(name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    SECONDS[name] = round(time.monotonic() - started, 1)


def run(*argv: str | Path, env: dict[str, str] | None = None) -> None:
    print("+", *argv, flush=True)
    subprocess.run([str(word) for word in argv], check=True, env={**os.environ, **(env or {})})


def known(package: str) -> bool:
    """Whether the archive has it: the image's own packages are not part of the floor."""
    return not package.startswith("edgelinux-") and package != "python3-pykickstart"


def bootstrap(plan: dict[str, Any], tree: Path) -> None:
    """A minimal system, then apt: debootstrap does not see the security archive, which has kernels."""
    components = f"--components={plan['components']}"
    run(
        *("debootstrap", "--variant=minbase", components, plan["suite"], tree, plan["archive"]),
        env=plan["environment"],
    )
    for path, text in plan["zfs_files"].items():
        if path.startswith("/etc/apt/"):
            values = {"archive": plan["archive"], "security": plan["security"]}
            (tree / path.lstrip("/")).write_text(fill(text, values))
    shutil.copyfile("/etc/resolv.conf", tree / "etc/resolv.conf")
    (tree / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (tree / "usr/sbin/policy-rc.d").chmod(0o755)
    env = {**plan["environment"], "DEBIAN_FRONTEND": "noninteractive"}
    run("chroot", tree, "apt-get", "update", env=env)
    # Else ZFS's tools would bring the source of its modules along, and compile nothing for lack of headers.
    run("dpkg-deb", "--build", "--root-owner-group", SATISFIES, tree / "zfs-modules.deb")
    run("chroot", tree, "dpkg", "--install", "/zfs-modules.deb", env=env)
    (tree / "zfs-modules.deb").unlink()
    wanted = [name for name in plan["packages"] if known(name)]
    run("chroot", tree, "apt-get", "install", "--yes", "--no-install-recommends", *wanted, env=env)


def compile_zfs(plan: dict[str, Any], tree: Path, work: Path) -> None:
    """In an overlay, so that compiler and headers do not get into the squashfs; the modules are copied."""
    upper, inner, merged = work / "upper", work / "work", work / "merged"
    for directory in (upper, inner, merged):
        directory.mkdir()
    values = {"kernel": plan["kernel"], "archive": plan["archive"], "security": plan["security"]}
    values["jobs"] = str(os.cpu_count())
    options = f"lowerdir={tree},upperdir={upper},workdir={inner}"
    run("mount", "-t", "overlay", "overlay", "-o", options, merged)
    for name in ("proc", "sys", "dev"):
        run("mount", "--bind", f"/{name}", merged / name)
    for path, text in plan["zfs_files"].items():
        (merged / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (merged / path.lstrip("/")).write_text(fill(text, values))
    (merged / "etc/resolv.conf").unlink(missing_ok=True)
    shutil.copyfile("/etc/resolv.conf", merged / "etc/resolv.conf")
    env = {**plan["zfs_environment"], "MAKEFLAGS": f"-j{os.cpu_count()}"}
    for argv in plan["zfs_commands"]:
        run("chroot", merged, *(fill(word, values) for word in argv), env=env)
    modules = f"usr/lib/modules/{plan['kernel']}"
    run("cp", "-a", merged / modules / "updates", tree / modules)
    run("umount", "--recursive", merged)


def fill(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text())
    directory = Path(sys.argv[2])
    directory.mkdir(parents=True)
    tree, medium = directory / "tree", directory / "medium"
    with timed("bootstrap"):
        bootstrap(plan, tree)
    with timed("ZFS"):
        compile_zfs(plan, tree, directory)
    medium.mkdir()
    with timed("mksquashfs"):
        run("rm", "-rf", tree / "var/cache/apt", tree / "var/lib/apt/lists")
        run(
            *("mksquashfs", tree, medium / "system.squashfs", "-noappend", "-no-progress", "-xattrs"),
            *("-comp", "zstd", "-Xcompression-level", str(plan["level"])),
        )
    with timed("xorriso"):
        run("xorriso", "-as", "mkisofs", "-quiet", "-o", directory / "floor.iso", medium)
    (directory / "seconds.json").write_text(json.dumps(SECONDS))


if __name__ == "__main__":
    main()
