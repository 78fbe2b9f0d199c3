"""Runs the kickstart's own scripts."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer.chroot import bind
from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.kickstart import Kickstart, Script

__all__ = ["BEFORE", "STEP", "run_after_failure", "run_post", "run_pre", "run_pre_install"]

log = logging.getLogger(__name__)


def run_pre(ks: Kickstart) -> None:
    """Run the %pre scripts in the live system, before disks are chosen."""
    for script in ks.scripts:
        if script.when == "pre":
            _run(ks, script, Path("/"))


def run_pre_install(ctx: Context) -> None:
    """Run the %pre-install scripts in the live system: the new one is mounted, and empty."""
    ks = ctx.plan.kickstart
    for script in ks.scripts:
        if script.when == "pre-install":
            _run(ks, script, Path("/"))


def run_after_failure(ks: Kickstart, *, defect: bool) -> None:
    """Run the %onerror scripts, and the %traceback scripts if the installer itself was the reason.

    One that fails is logged: the reason that it was run for is what people must see.
    """
    for kind in ("onerror", "traceback") if defect else ("onerror",):
        for script in ks.scripts:
            if script.when == kind:
                try:
                    _run(ks, replace(script, error_on_fail=False), Path("/"))
                except (EdgeLinuxError, OSError) as error:
                    log.warning("%%%s of %s: %s", kind, ks.source.where(script.line), error)


def run_post(ctx: Context) -> None:
    """Run the %post scripts, in their order."""
    ks = ctx.plan.kickstart
    for script in ks.scripts:
        if script.when == "post":
            if script.chroot:
                bind(ctx.target)
            _run(ks, script, ctx.target if script.chroot else Path("/"))


def _run(ks: Kickstart, script: Script, root: Path) -> None:
    """Run one script with `root` as its root. One that fails is an error if the kickstart says so."""
    with tempfile.NamedTemporaryFile(dir=root / "tmp", prefix="ks-script-", delete=False) as made:
        path = Path(made.name)
        made.write(script.text.encode())
    try:
        path.chmod(0o700)
        inside = f"/tmp/{path.name}"  # noqa: S108  (its name is not guessable, and it was made exclusively)
        enter = [] if root == Path("/") else ["chroot", str(root)]
        done = run([*enter, script.interpreter, inside], check=False)
    finally:
        path.unlink(missing_ok=True)
    if script.log:
        write(root / script.log.lstrip("/"), done.stdout + done.stderr, 0o600)
    if done.returncode == 0:
        return
    last = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()][-3:]
    message = f"{ks.source.where(script.line)}: %{script.when} failed with exit code {done.returncode}"
    if last:
        message += f": {'; '.join(last)}"
    if script.error_on_fail:
        raise EdgeLinuxError(message)
    log.warning("%s (it has no --erroronfail, so the installation goes on)", message)


BEFORE = Step("Running the %pre-install scripts", 1, run_pre_install)
STEP = Step("Running the kickstart's scripts", 2, run_post)
