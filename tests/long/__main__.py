"""`python -m tests.long [--shard 1/3] [--again] [CASE…]`: the long series, resumed where it was interrupted.

What has passed with this image is not run again; `--again` forgets that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError

from tests.long.cases import CASES, deal, parse_shard

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "out" / "test-long"
PASSED = KEPT / "passed.json"


def _image() -> str:
    """What the results hold for: the system on the ISO."""
    subprocess.run([sys.executable, "-m", "edgelinux_build.cli", "build"], cwd=ROOT, check=True)
    manifest = json.loads((ROOT / "out" / "manifest.json").read_text(encoding="utf-8"))
    return str(manifest["squashfs_sha256"])


def _passed(image: str) -> list[str]:
    try:
        record = json.loads(PASSED.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return list(record["cases"]) if record.get("image") == image else []


def main(argv: list[str]) -> int:
    """Run the cases; returns the exit status, and says after each case what is left."""
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    parser.add_argument("--shard", default="1/1", help="the part for this machine, such as 2/3")
    parser.add_argument("--again", action="store_true", help="run what has passed, too")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(case.name for case in CASES))
    options = parser.parse_args(argv)
    try:
        cases = deal(CASES, parse_shard(options.shard), options.cases)
    except EdgeLinuxError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    image = _image()
    passed = [] if options.again else _passed(image)
    KEPT.mkdir(parents=True, exist_ok=True)
    # A case that has passed is needed again when one that uses its disks has not.
    left = [case.name for case in cases if case.name not in passed]
    needed = {case.name for case in deal(cases, (1, 1), left)} if left else set()
    failed: list[str] = []
    for case in cases:
        if case.name not in needed or case.follows in failed:
            print(f"{case.name}: {'left out, it follows a failure' if case.follows in failed else 'passed'}")
            continue
        started = time.monotonic()
        node = f"tests/long/test_matrix.py::test_installs[{case.name}]"
        ok = subprocess.run([sys.executable, "-m", "pytest", "-q", node], cwd=ROOT).returncode == 0
        minutes = (time.monotonic() - started) / 60
        print(f"{case.name}: {'passed' if ok else 'FAILED'} after {minutes:.1f} min", flush=True)
        if ok:
            passed = [*dict.fromkeys([*passed, case.name])]
            PASSED.write_text(json.dumps({"image": image, "cases": passed}, indent=1), encoding="utf-8")
        else:
            failed.append(case.name)
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
