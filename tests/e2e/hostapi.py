"""hostd's interface as a test speaks to it: curl on its socket, over a host's SSH connection."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "await_job", "call", "run_job", "submit"]

SOCKET = "/run/edgelinux/hostd.sock"


@dataclass(frozen=True)
class Answer:
    """What hostd answered; `status` is 0 when the connection ended without an answer."""

    status: int
    body: Any = None

    @property
    def ok(self) -> bool:
        """It was done, or taken on."""
        return 200 <= self.status < 300


def call(host: Any, method: str, path: str, body: Any = None, *, seconds: int = 120) -> Answer:
    """Call hostd. While it starts, systemd holds its socket, and the call waits."""
    argv = f"curl --silent --globoff --max-time {seconds} --unix-socket {SOCKET} --request {method}"
    argv += r" --write-out '\n%%{http_code}' %s"
    words = [f"http://localhost{path}"]
    if body is not None:
        argv += " --header 'Content-Type: application/json' --data %s"
        words.append(json.dumps(body))
    done = host.run(argv, *words)
    if done.rc != 0:
        return Answer(0)
    text, _, status = done.stdout.rpartition("\n")
    try:
        return Answer(int(status), json.loads(text) if text.strip() else None)
    except ValueError:
        return Answer(int(status), text)


def submit(host: Any, kind: str, params: Mapping[str, Any]) -> str:
    """Submit a job of any kind; its id, also when hostd was killed before it could answer."""
    before = {job["id"] for job in _jobs(host)}
    answer = call(host, "POST", "/api/jobs", {"kind": kind, "params": dict(params)})
    if answer.ok:
        return str(answer.body["id"])
    assert answer.status == 0, f"{kind} {params}: {answer.status} {answer.body}"
    new = [job["id"] for job in _jobs(host) if job["id"] not in before and job["kind"] == kind]
    assert new, f"{kind}: hostd ended before the job was there"
    return str(new[0])


def _jobs(host: Any) -> list[dict[str, Any]]:
    answer = call(host, "GET", "/api/jobs")
    assert answer.ok, f"hostd does not answer: {answer}"
    return list(answer.body)


def await_job(host: Any, job: str, seconds: float = 300) -> dict[str, Any]:
    """Wait until a job is final, over as many lives of hostd as that takes; how it ended."""
    until = time.monotonic() + seconds
    found: dict[str, Any] = {}
    while time.monotonic() < until:
        answer = call(host, "GET", f"/api/jobs/{job}?wait=20", seconds=60)
        if answer.ok:
            found = dict(answer.body)
            if found["final"]:
                return found
        elif answer.status == 0:
            time.sleep(0.5)  # it was killed just now; the next call waits for its successor
        else:
            raise AssertionError(f"job {job}: {answer.status} {answer.body}")
    log = call(host, "GET", f"/api/jobs/{job}/log").body
    raise AssertionError(f"job {job} is not over after {seconds:g} s: {found}\n{log}")


def run_job(host: Any, kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Run a job that must be done."""
    job = await_job(host, submit(host, kind, params))
    assert job["state"] == "done", f"{kind} {params}: {job['state']}, {job['error']}"
    return job
