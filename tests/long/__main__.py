"""`python -m tests.long [--shard 1/3] [--again] [CASE…]`: the long series, resumed where it was interrupted.

Installations, and the crashes of hostd (crashes, crashes/SCENARIO or one whole name). What has passed with
this image is not run again; `--again` forgets that.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from tests.base import build_argv
from tests.long.cases import CASES, Case, deal, parse_shard
from tests.long.crashes import SERIES, Crash, deal_crashes
from tests.long.passed import KEPT, Passed, built_image

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]


def _pytest(nodes: Sequence[str]) -> bool:
    return subprocess.run([sys.executable, "-m", "pytest", "-q", *nodes], cwd=ROOT).returncode == 0


def _install(cases: Sequence[Case], passed: Passed, names: Sequence[str]) -> list[str]:
    """Run the installations but for those that passed; gives the names of those that failed."""
    # A case that has passed is needed again when one that uses its disks has not.
    left = [case.name for case in cases if case.name not in names]
    needed = {case.name for case in deal(cases, (1, 1), left)} if left else set()
    failed: list[str] = []
    for case in cases:
        if case.name not in needed or case.follows in failed:
            print(f"{case.name}: {'left out, it follows a failure' if case.follows in failed else 'passed'}")
            continue
        started = time.monotonic()
        ok = _pytest([f"tests/long/{case.test}[{case.name}]"])
        minutes = (time.monotonic() - started) / 60
        print(f"{case.name}: {'passed' if ok else 'FAILED'} after {minutes:.1f} min", flush=True)
        if ok:
            passed.add(case.name)
        else:
            failed.append(case.name)
    return failed


def _crash(crashes: Sequence[Crash], passed: Passed, names: Sequence[str]) -> list[str]:
    """Run the crashes in one installed host, which notes each that passes; gives those that did not."""
    left = [crash.name for crash in crashes if crash.name not in names]
    print(f"{SERIES}: {len(crashes) - len(left)} of {len(crashes)} passed before")
    if not left:
        return []
    started = time.monotonic()
    _pytest([f"tests/long/test_crashes.py::test_killed_at[{name}]" for name in left])
    done = passed.names()
    failed = [name for name in left if name not in done]
    minutes = (time.monotonic() - started) / 60
    print(f"{SERIES}: {len(left) - len(failed)} of {len(left)} passed in {minutes:.0f} min", flush=True)
    return failed


def main(argv: list[str]) -> int:
    """Run the cases; returns the exit status, and says after each case what is left."""
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    parser.add_argument("--shard", default="1/1", help="the part for this machine, such as 2/3")
    parser.add_argument("--again", action="store_true", help="run what has passed, too")
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=", ".join([*(case.name for case in CASES), SERIES])
    )
    options = parser.parse_args(argv)
    named = [name for name in options.cases if name.partition("/")[0] == SERIES]
    others = [name for name in options.cases if name not in named]
    try:
        shard = parse_shard(options.shard)
        cases = deal(CASES, shard, others) if others or not named else ()
        crashes = deal_crashes(shard, named) if named or not others else ()
    except EdgeLinuxError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    try:
        subprocess.run(build_argv(), cwd=ROOT, check=True)
    except subprocess.CalledProcessError as error:
        return error.returncode  # the build has said why
    passed = Passed(built_image())
    KEPT.mkdir(parents=True, exist_ok=True)
    if options.again:
        passed.forget([*(case.name for case in cases), *(crash.name for crash in crashes)])
    names = passed.names()
    failed = _install(cases, passed, names) + _crash(crashes, passed, names)
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
