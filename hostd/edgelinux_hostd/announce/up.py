"""Reports, once for an installation, that the new host is up: where to is what the installer has left.

Run by edgelinux-report.service. Tries for some hours, over restarts of the host; then, as after the delivery,
the tokens are removed. State lies beside hostd's, outside the boot environment.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgelinux_hostd.announce.facts import Facts, gather
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.message import compose
from edgelinux_hostd.report.target import Outcome, Target, deliver
from edgelinux_hostd.whole import write_whole

__all__ = ["ATTEMPTS", "delay", "main", "report_up"]

_NOTIFY = "etc/edgelinux/notify.json"
_STATE = "var/lib/edgelinux/reported-up.json"

_TIMEOUT_SECONDS = 15.0
_FIRST_DELAY = 5.0
_LONGEST_DELAY = 600.0
# With the delays above it is more than six hours. Attempts are counted, and not hours: the clock of a new
# host may well be wrong until it has found a time server.
ATTEMPTS = 45


def delay(attempt: int) -> float:
    """Give the seconds to wait after an attempt, counted from 1: 5, 10, 20 and so on, ten minutes at most."""
    return float(min(_FIRST_DELAY * 2 ** min(attempt - 1, 20), _LONGEST_DELAY))


def report_up(
    root: Path = Path("/"),
    *,
    gather: Callable[[], Facts] = gather,
    deliver: Callable[[Target, Mapping[str, Any], float], Outcome] = deliver,
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = print,
) -> None:
    """Report to everybody who is to be told, and take away what the installer left. Raises EdgeLinuxError."""
    notify, state_file = root / _NOTIFY, root / _STATE
    machine, waiting = _read(notify)
    state = _state(state_file)
    waiting = [target for target in waiting if target.url not in state["done"]]
    while waiting and state["attempts"] < ATTEMPTS:
        state["attempts"] += 1
        for target, outcome in _attempt(waiting, machine, gather, deliver):
            if outcome.state == "later":
                if state["attempts"] == 1:
                    say(f"not reported yet: {outcome.reason}")
                continue
            say(
                f"reported to {target.url}" if outcome.state == "taken" else f"not reported: {outcome.reason}"
            )
            state["done"].append(target.url)
            waiting = [one for one in waiting if one != target]
        write_whole(state_file, json.dumps(state) + "\n", 0o600)
        if waiting and state["attempts"] < ATTEMPTS:
            sleep(delay(state["attempts"]))
    for target in waiting:
        say(f"not reported to {target.url}: given up after {state['attempts']} attempts")
    notify.unlink(missing_ok=True)


def _attempt(
    targets: list[Target],
    machine: Mapping[str, Any],
    gather: Callable[[], Facts],
    deliver: Callable[[Target, Mapping[str, Any], float], Outcome],
) -> list[tuple[Target, Outcome]]:
    try:
        facts = gather()
    except (EdgeLinuxError, OSError, ValueError) as error:
        return [(target, Outcome("later", str(error))) for target in targets]
    if not facts.addresses:
        return [(target, Outcome("later", "this host has no address yet")) for target in targets]
    report = compose(
        "up",
        machine,
        hostname=facts.hostname,
        product=facts.product,
        image=facts.version,
        addresses=facts.all_addresses,
        fingerprints=facts.fingerprints,
    )
    return [(target, deliver(target, report, _TIMEOUT_SECONDS)) for target in targets]


def _read(path: Path) -> tuple[dict[str, Any], list[Target]]:
    """Read what the installer left: the machine, and whom to tell. Raises EdgeLinuxError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found["machine"], [Target.of(**target) for target in found["targets"]]
    except FileNotFoundError:
        return {}, []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EdgeLinuxError(
            f"cannot read {path}: {error}", hint="remove it; this host reports to nobody"
        ) from error


def _state(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"attempts": int(found["attempts"]), "done": [str(url) for url in found["done"]]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"attempts": 0, "done": []}


def main() -> int:
    """Report; returns the exit code."""
    try:
        report_up()
    except (EdgeLinuxError, OSError) as error:
        print(f"edgelinux-report: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
