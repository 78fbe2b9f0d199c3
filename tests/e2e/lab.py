"""What the end-to-end tests share: the ISOs under test, keys, machines, SSH, and their traces."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import testinfra
from edgelinux_build.qemu import session
from edgelinux_build.qemu.accel import AccelChoice
from edgelinux_build.qemu.runner import VirtualMachine

from tests.base import build_argv
from tests.e2e.boots import Ledger

__all__ = ["ROOT", "Lab"]

ROOT = Path(__file__).resolve().parents[2]

SSH_CONFIG = """Host *
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  IdentityFile {key}
  IdentitiesOnly yes
  PasswordAuthentication no
  LogLevel ERROR
  ConnectTimeout 60
  ServerAliveInterval 15
  ServerAliveCountMax 6
  ControlPath {control}
"""


@dataclass
class Lab:
    """One test session. `artefacts` is kept afterwards, `scratch` is not."""

    artefacts: Path
    scratch: Path
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.artefacts / "boots.jsonl")

    @contextmanager
    def _once(self, name: str) -> Iterator[None]:
        """Keeps the other worker from making the same thing at the same time."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        with (self.scratch / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def key(self) -> Path:
        """The SSH key that the sites under test let in."""
        path = self.scratch / "id_ed25519"
        with self._once("key"):
            if not path.exists():
                comment = "edgelinux-e2e"
                argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
                subprocess.run(argv, check=True)
        return path

    @property
    def public_key(self) -> str:
        """The line for `ssh_keys`."""
        return self.key.with_suffix(".pub").read_text().strip()

    def iso(self, name: str, site: str | None = None) -> Path:
        """Builds the ISO for a site file's text (None: no site file), once for both workers."""
        with self._once(f"iso-{name}"):
            out = self.scratch / f"iso-{name}"
            if not (out / "done").exists():
                argv = build_argv("--out", out)
                if site is not None:
                    file = self.artefacts / f"{name}.site.yaml"
                    file.write_text(site)
                    argv += ["--site", str(file)]
                started = time.monotonic()
                self._build(argv, name)
                self.note(f"build the ISO {name}", time.monotonic() - started)
                (out / "done").touch()
            isos = list(out.glob("*.iso"))
            assert len(isos) == 1, f"expected one ISO in {out}, found {isos}"
            return isos[0]

    def embedded(self, name: str, site: str) -> Path:
        """Gives the default ISO the kickstart of a site file's text, as somebody without the cache would."""
        source = self.iso("default")
        with self._once(f"iso-{name}"):
            iso = self.scratch / f"iso-{name}" / f"{name}.iso"
            if not iso.exists():
                file = self.artefacts / f"{name}.site.yaml"
                file.write_text(site)
                argv = [sys.executable, "-m", "edgelinux_build.cli", "iso", "embed", str(source)]
                started = time.monotonic()
                self._build([*argv, "--site", str(file), "--out", str(iso)], name)
                self.note(f"embed the kickstart {name}", time.monotonic() - started)
            return iso

    def stick(self, name: str, iso: Path, sites: Mapping[str, str] | None = None) -> Path:
        """Writes an ISO onto a stick, as people do; gives the bytes of the stick.

        `sites` are the texts of site files by what names their machines.
        """
        with self._once(f"stick-{name}"):
            made, image = self.scratch / f"stick-{name}.img", self.scratch / f"stick-{name}.part"
            if made.exists():
                return made
            options: list[str | Path] = []
            if sites:
                folder = self.artefacts / f"stick-{name}.sites"
                folder.mkdir()
                for key, text in sites.items():
                    (folder / f"{key}.yaml").write_text(text)
                options = ["--sites", folder]
            with image.open("wb") as file:
                # A real stick has room behind the ISO.
                file.truncate(iso.stat().st_size + 96 * 1024**2)
            root = [] if os.geteuid() == 0 else ["sudo", "-n"]
            losetup = [*root, "losetup", "--find", "--show", str(image)]
            device = subprocess.run(losetup, check=True, capture_output=True, text=True).stdout.strip()
            try:
                argv = [sys.executable, "-m", "edgelinux_build.cli", "usb", "write", str(iso), device]
                started = time.monotonic()
                self._build([*argv, "--yes", "--internal", *map(str, options)], f"stick-{name}")
                self.note(f"write the stick {name}", time.monotonic() - started)
            finally:
                subprocess.run([*root, "losetup", "--detach", device], check=True)
            image.rename(made)
            return made

    def _build(self, argv: list[str], name: str) -> None:
        log = self.artefacts / f"{name}.build.log"
        with log.open("w") as file:
            result = subprocess.run(argv, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        assert result.returncode == 0, f"{name} could not be made:\n{last}"

    def note(self, what: str, seconds: float) -> None:
        """Notes how long something took, for the table at the end."""
        with self._once("times"), (self.artefacts / "times.tsv").open("a") as file:
            file.write(f"{seconds:.1f}\t{what}\n")

    def accel(self, iso: Path) -> AccelChoice:
        """What machines run this ISO's kernel on; EDGELINUX_ACCEL asks for another choice than auto's."""
        wanted: Any = os.environ.get("EDGELINUX_ACCEL", "auto")
        with self._once("probe"):
            return session.prove_accel(wanted, iso, self.scratch / "probe")

    def start(
        self,
        wishes: session.Wishes,
        accel: AccelChoice,
        allowed: Iterable[str] = (),
        pass_fds: Collection[int] = (),
    ) -> VirtualMachine:
        """Starts a machine: disks in `scratch`, console and logs in `artefacts`."""
        kept = self.artefacts / wishes.name
        kept.mkdir(parents=True, exist_ok=True)
        # More virtual processors than there are cores would spend their time waiting for each other.
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        cpus = wishes.cpus or min(2, max(1, len(os.sched_getaffinity(0)) // workers))
        wishes = replace(wishes, console_log=kept / "console.log", cpus=cpus)
        machine = session.lay_out(wishes, self.scratch / wishes.name, accel)
        # Listed under a name of its own, beside machines that a person runs.
        machine = replace(machine, name=f"test-{wishes.name}")
        return VirtualMachine(machine, kept, allowed, tied=True, pass_fds=pass_fds)

    def ssh(self, vm: VirtualMachine, user: str = "root", boot: str = "") -> Any:
        """A testinfra host for a running machine. `boot` is another one after each reboot."""
        name = f"{vm.machine.name}{boot}"
        config = self.scratch / f"{name}.ssh_config"
        # Short, for a socket's path; the connection to a machine that was reset would hang, so one per boot.
        control = vm.machine.console_socket.parent / f"ssh{boot}"
        config.write_text(SSH_CONFIG.format(key=self.key, control=control))
        return testinfra.get_host(
            f"ssh://{user}@127.0.0.1:{vm.machine.network.ssh_port}", ssh_config=str(config), timeout=60
        )
