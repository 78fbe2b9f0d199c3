"""Runs the kickstart's own scripts."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer.chroot import bind
from edgelinux_installer.context import Context, Step
from edgelinux_installer.files import write
from edgelinux_installer.kickstart import Kickstart, Script

__all__ = ["STEP", "run_post", "run_pre"]

log = logging.getLogger(__name__)


def run_pre(ks: Kickstart) -> None:
    """Run the %pre scripts in the live system, before disks are chosen."""
    for script in ks.scripts:
        if script.when == "pre":
            _run(ks.file, script, Path("/"))


def run_post(ctx: Context) -> None:
    """Run the %post scripts, in their order."""
    ks = ctx.plan.kickstart
    for script in ks.scripts:
        if script.when == "post":
            if script.chroot:
                bind(ctx.target)
            _run(ks.file, script, ctx.target if script.chroot else Path("/"))


def _run(file: str, script: Script, root: Path) -> None:
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
    message = f"{file}:{script.line}: %{script.when} failed with exit code {done.returncode}"
    if last:
        message += f": {'; '.join(last)}"
    if script.error_on_fail:
        raise EdgeLinuxError(message)
    log.warning("%s (it has no --erroronfail, so the installation goes on)", message)


STEP = Step("Running the kickstart's scripts", 2, run_post)
