"""What the tests of antlets share: the command, the HTTP interface, and shells inside antlets."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["API", "FAREWELL", "WEB", "Antlets", "eventually", "mac", "python"]

# The numbers of the antlets that the tests of one host share: a container made by command, one made by HTTP,
# and a machine.
WEB, API = 25, 200

_SOCKET = "/run/edgelinux/hostd.sock"
# In root's home, which outlives the boot environment and a reboot.
_KEY = "/root/antlet-key"
_SSH = (
    *("ssh", "-i", _KEY, "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "LogLevel=ERROR"),
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
)

T = TypeVar("T")

# Has a container note when its services are stopped.
FAREWELL = r"""
printf '[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sh -c "date +%%%%s%%%%N > /root/farewell"\n' \
    > /run/systemd/system/farewell.service && systemctl daemon-reload && systemctl start farewell
"""


def eventually(what: str, look: Callable[[], T], seconds: float = 120) -> T:
    """Look until something true is seen, and give it; emulated machines take their time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s, last seen: {found!r}"
        time.sleep(1)


def mac(number: int) -> str:
    """The MAC that an antlet has had on every edgeLinux host."""
    return f"b2:61:6e:73:6c:{number:02x}"


def python(program: str, *arguments: str) -> str:
    """A shell command that runs a program in Python."""
    return shlex.join(("python3", "-c", program, *arguments))


@dataclass(frozen=True)
class Antlets:
    """The antlets of a host, over a root connection of testinfra's."""

    host: Any

    def antlet(self, *words: str, code: int = 0) -> Any:
        """Runs the command `antlet`, which must end with exit code `code`; gives what it said."""
        done = self.host.run(shlex.join(("antlet", *words)))
        assert done.rc == code, (
            f"antlet {shlex.join(words)}: {done.rc}, not {code}: {done.stdout}{done.stderr}"
        )
        return done

    def ask(self, *words: str) -> Any:
        """Runs the command `antlet` as programs do; gives what it answered."""
        return json.loads(self.antlet(*words, "--format", "json").stdout)

    def refused(self, code: int, *words: str) -> str:
        """Runs the command `antlet`, which must refuse with this exit code in one line; gives the line."""
        done = self.antlet(*words, code=code)
        lines = [line for line in done.stderr.splitlines() if line.startswith("antlet: ")]
        assert lines, done.stderr
        return str(lines[-1])

    def call(self, method: str, path: str, body: Any = None, *headers: str) -> tuple[int, Any]:
        """Calls the HTTP interface; gives status and answer."""
        argv = ["curl", "-sS", "--unix-socket", _SOCKET, "-X", method, "-w", "\n%{http_code}"]
        for header in headers:
            argv += ["-H", header]
        if body is not None:
            argv += ["-H", "Content-Type: application/json", "--data", json.dumps(body)]
        text, _, status = self.host.check_output(shlex.join([*argv, f"http://localhost{path}"])).rpartition(
            "\n"
        )
        return int(status), json.loads(text) if text.strip() else None

    def all(self) -> dict[str, Mapping[str, Any]]:
        """All antlets by name; by HTTP, since the command takes seconds under emulation."""
        status, found = self.call("GET", "/api/antlets")
        assert status == 200, found
        return {one["dname"]: one for one in found}

    def show(self, name: str) -> Mapping[str, Any]:
        """One antlet."""
        status, found = self.call("GET", f"/api/antlets/{name}")
        assert status == 200, found
        assert isinstance(found, dict)
        return found

    def state(self, name: str) -> str:
        """An antlet's state."""
        return str(self.show(name)["state"])

    def wait_for_state(self, name: str, wanted: str, seconds: float = 120) -> None:
        """Waits until an antlet is in this state."""
        eventually(f"{name} is {wanted}", lambda: self.state(name) == wanted, seconds)

    def need(self, name: str, *options: str) -> None:
        """Creates and starts an antlet with these options, unless an earlier test did."""
        found = self.all().get(name)
        if found is None:
            self.antlet("create", name, "--ssh-key", f"{self.key()}.pub", "--start", *options)
        elif found["state"] != "Running":
            self.antlet("start", name)

    def key(self) -> str:
        """The file of the SSH key, on the host, that lets into antlets."""
        if not self.host.file(_KEY).exists:
            self.host.check_output(f"ssh-keygen -q -t ed25519 -N '' -f {_KEY}")
        return _KEY

    def ssh(self, name: str, command: str) -> Any:
        """Runs a shell command in an antlet, over its network; testinfra's result."""
        # What fails with 255 is a broken connection to the host for testinfra.
        words = shlex.join((*_SSH, f"root@{self.show(name)['ip']}", command))
        return self.host.run(f"{words} || exit $(($? & 127))")

    def wait_for_ssh(self, name: str, seconds: float = 180) -> None:
        """Waits until an antlet can be logged in to."""
        eventually(f"{name} lets in", lambda: self.ssh(name, "true").rc == 0, seconds)

    def inside(self, name: str, command: str) -> str:
        """Runs a shell command in a container, without its network; gives what it printed."""
        done = self.attached(name, command)
        assert done.rc == 0, f"{command!r} in {name}: {done.rc}: {done.stdout}{done.stderr}"
        return str(done.stdout).strip()

    def attached(self, name: str, command: str) -> Any:
        """The same, whatever the command's exit code: testinfra's result."""
        attach = ("lxc-attach", "-P", "/run/edgelinux/lxc", "-n", name, "--clear-env", "--")
        words = shlex.join((*attach, "timeout", "60", "/bin/sh", "-c", command))
        return self.host.run(f"{words} || exit $(($? & 127))")

    def first_process(self, name: str) -> int:
        """The process, as the host sees it, that a container lives and dies with."""
        done = self.host.check_output(f"lxc-info -P /run/edgelinux/lxc -n {name} -p -H")
        return int(done)

    @contextmanager
    def events(self) -> Iterator[Callable[[], list[Mapping[str, Any]]]]:
        """Follows hostd's stream of events meanwhile; gives what lists those that came."""
        out = "/run/test-events"
        stream = f"curl -sSN --unix-socket {_SOCKET} http://localhost/api/events"
        self.host.check_output(
            f"systemd-run --collect --unit=test-events -p StandardOutput=truncate:{out} {stream}"
        )

        def told() -> list[Mapping[str, Any]]:
            lines = self.host.check_output(f"cat {out}").splitlines()
            return [json.loads(line[5:]) for line in lines if line.startswith("data:")]

        try:
            eventually("the stream", lambda: "retry:" in self.host.run(f"cat {out}").stdout, 60)
            yield told
        finally:
            self.host.run(f"systemctl stop test-events; rm {out}")

    def finished(self, job: str, seconds: float = 180) -> Mapping[str, Any]:
        """Waits until a job is final, through restarts of hostd; gives the job."""

        def look() -> Mapping[str, Any] | None:
            status, found = self.call("GET", f"/api/jobs/{job}?wait=5")
            return found if status == 200 and found["final"] else None

        return eventually(f"job {job}", look, seconds) or {}
