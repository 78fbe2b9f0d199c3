"""The antlet templates of a medium that is served over the network, from a server that fails in many ways."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer import cli
from edgelinux_installer.consoles import Consoles
from edgelinux_installer.context import Context
from edgelinux_installer.netboot import NetworkBoot
from edgelinux_installer.progress import Progress
from edgelinux_installer.steps import NETWORK_STEPS, STEPS, erase, medium, netmedium
from edgelinux_installer.steps.medium import template_problems
from edgelinux_installer.steps.netmedium import available_mib, fetch_templates
from edgelinux_installer.web import Fetching

from tests.unit.hostd.report.server import make_certificate
from tests.unit.installer.mediumserver import MediumServer, serving_medium

ROOTFS = "templates/debian-13.lxc/rootfs.tar.zst"
FILES = {
    "templates/debian-13.lxc/template.yaml": b"name: debian-13.lxc\n",
    ROOTFS: os.urandom(3 * 1024**2 + 5),
    "templates/tiny/template.yaml": b"name: tiny\n",
}


def sums(files: dict[str, bytes]) -> str:
    return "".join(f"{hashlib.sha512(content).hexdigest()}  {name}\n" for name, content in files.items())


class Machine:
    """A medium in memory, with what the initramfs has fetched, and what was said."""

    def __init__(self, medium: Path) -> None:
        self.medium = medium
        self.said: list[str] = []
        self.free = 1024
        self.grown: list[int] = []
        self.waits: list[float] = []
        self.times = iter(range(0, 100_000, 30))
        (medium / "live").mkdir(parents=True)
        (medium / "SHA512SUMS").write_text(sums({"live/edgelinux.squashfs": b"", **FILES}))

    @property
    def ctx(self) -> Context:
        return Context(cast(Any, None), Progress([1], self.said.append), self.medium)

    def fetch(self, server: str, cert: str = "") -> None:
        ctx = self.ctx
        ctx.progress.begin("Fetching the antlet templates")
        fetch_templates(
            ctx,
            NetworkBoot(medium=server, cert=cert),
            fetching=Fetching(sleep=self.waits.append, clock=lambda: float(next(self.times))),
            available=lambda: self.free,
            grow=lambda medium, mib: self.grown.append(mib),
        )

    def fails(self, server: str, cert: str = "") -> str:
        with pytest.raises(EdgeLinuxError) as raised:
            self.fetch(server, cert)
        assert "no disk was touched" in str(raised.value)
        return str(raised.value)

    def is_whole(self) -> bool:
        return all((self.medium / name).read_bytes() == content for name, content in FILES.items())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "medium")


@pytest.fixture
def server() -> Iterator[MediumServer]:
    with serving_medium(dict(FILES)) as running:
        running.trouble = ROOTFS
        yield running


def test_templates_are_fetched_before_any_disk_is_touched() -> None:
    """And in place of the check of a medium: the initramfs has checked the system as it came."""
    assert (netmedium.STEP, *STEPS[1:]) == NETWORK_STEPS
    assert STEPS[:2] == (medium.STEP, erase.STEP)


def test_zfs_is_loaded_meanwhile(
    machine: Machine, server: MediumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(medium, "load_zfs", lambda: done.append("ZFS"))
    monkeypatch.setattr(netmedium, "fetch_templates", lambda ctx, boot: done.append("templates"))
    netmedium.prepare(machine.ctx)
    assert sorted(done) == ["ZFS", "templates"]


def test_an_imported_pool_of_our_name_is_refused_before_anything_is_fetched(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(medium, "_ZFS_MODULE", tmp_path)
    monkeypatch.setattr("edgelinux_hostd.zfs.pools", lambda: ["antlets"])
    monkeypatch.setattr(netmedium, "fetch_templates", lambda ctx, boot: pytest.fail("it was fetched"))
    with pytest.raises(EdgeLinuxError, match="a pool called antlets is imported"):
        netmedium.prepare(machine.ctx)


def test_the_templates_lie_as_on_a_disc(machine: Machine, server: MediumServer) -> None:
    machine.fetch(server.url)
    assert machine.is_whole()
    assert list(template_problems(machine.ctx)) == []
    assert machine.grown == [1024 - 384]
    assert any(line.endswith("Fetching the antlet templates: 60%") for line in machine.said)
    assert {path for _, path, _ in server.asked} == FILES.keys()


def test_a_cut_connection_is_taken_up_where_it_broke(machine: Machine, server: MediumServer) -> None:
    server.cuts = [1_000_000, 0, 500_000]
    machine.fetch(server.url)
    assert machine.is_whole()
    assert server.gets(ROOTFS) == ["", "bytes=1000000-", "bytes=1000000-", "bytes=1500000-"]
    # It waits longer while nothing comes.
    assert machine.waits == [1.0, 2.0, 1.0]


def test_a_stalled_connection_is_made_anew(
    machine: Machine, server: MediumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgelinux_installer.web.TIMEOUT_SECONDS", 0.5)
    server.stalls = [1_000_000]
    machine.fetch(server.url)
    assert machine.is_whole()
    assert server.gets(ROOTFS) == ["", "bytes=1000000-"]


def test_a_server_without_ranges_or_lengths(machine: Machine, server: MediumServer) -> None:
    server.ranges = False
    server.cuts = [1_000_000]
    machine.fetch(server.url)
    assert machine.is_whole()
    server.length = False
    machine.fetch(server.url)
    assert machine.is_whole()


def test_a_file_that_shrank_meanwhile_is_fetched_from_its_start(
    machine: Machine, server: MediumServer
) -> None:
    server.wrong = [FILES[ROOTFS] + bytes(1_000_000)]
    server.cuts = [len(FILES[ROOTFS]) + 10]
    machine.fetch(server.url)
    assert machine.is_whole()
    assert server.gets(ROOTFS)[-1] == ""


def test_a_server_in_trouble_is_asked_again(machine: Machine, server: MediumServer) -> None:
    server.statuses = [503, 500]
    machine.fetch(server.url)
    assert machine.is_whole()


def test_a_server_that_goes_away_is_given_up(machine: Machine, server: MediumServer) -> None:
    server.statuses = [503] * 100
    said = machine.fails(server.url)
    assert f"cannot fetch {server.url}/{ROOTFS}: 503 Service Unavailable; nothing came for " in said


def test_a_refusal_is_final(machine: Machine, server: MediumServer) -> None:
    server.statuses = [403]
    assert f"cannot fetch {server.url}/{ROOTFS}: 403 Forbidden; no disk" in machine.fails(server.url)
    assert machine.waits == []


def test_a_wrong_file_is_fetched_anew_once(machine: Machine, server: MediumServer) -> None:
    wrong = FILES[ROOTFS][:-1] + bytes([FILES[ROOTFS][-1] ^ 1])
    server.wrong = [wrong]
    machine.fetch(server.url)
    assert machine.is_whole()
    server.wrong = [wrong, wrong]
    assert f"{server.url}/{ROOTFS} is not what SHA512SUMS says, twice" in machine.fails(server.url)


@pytest.mark.parametrize("how", ["no list", "no templates listed", "none served"])
def test_a_server_without_templates(machine: Machine, server: MediumServer, how: str) -> None:
    if how == "no list":
        (machine.medium / "SHA512SUMS").unlink()
    elif how == "no templates listed":
        (machine.medium / "SHA512SUMS").write_text(sums({"live/edgelinux.squashfs": b""}))
    else:
        server.files.clear()
    machine.fetch(server.url)
    assert machine.said[-1] == "Note: the server has no antlet templates: none will be installed"
    # So that the steps to come find none, rather than half of them.
    assert not (machine.medium / "templates").exists()
    assert list(template_problems(machine.ctx)) == []


def test_a_template_of_which_a_file_is_missing(machine: Machine, server: MediumServer) -> None:
    del server.files[ROOTFS]
    assert machine.fails(server.url).startswith(f"the server has no {server.url}/{ROOTFS}; no disk")


def test_too_little_memory_says_how_much_is_needed(machine: Machine, server: MediumServer) -> None:
    machine.free = 386
    assert machine.fails(server.url) == (
        f"too little memory for the antlet templates: {ROOTFS} takes 4 MiB and 384 MiB must stay free, "
        "but 386 MiB are free; no disk was touched (more memory, or templates/ taken away from the server)"
    )
    assert not (machine.medium / ROOTFS).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tmpfs")
def test_the_memory_of_the_medium_grows_and_is_not_exceeded(
    machine: Machine, server: MediumServer, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        (small / "SHA512SUMS").write_text(sums(FILES))
        machine.medium = small
        server.length = False
        assert "takes more than there is" in machine.fails(server.url)
        netmedium._grow(small, 8)
        machine.fetch(server.url)
        assert machine.is_whole()
    finally:
        subprocess.run(["umount", small], check=True)


def test_names_that_lead_out_of_the_medium_are_refused(machine: Machine, server: MediumServer) -> None:
    (machine.medium / "SHA512SUMS").write_text(sums({"templates/../../etc/passwd": b"x"}))
    assert "SHA512SUMS of the server names 'templates/../../etc/passwd'" in machine.fails(server.url)
    assert server.asked == []


def test_a_list_that_is_none(machine: Machine, server: MediumServer) -> None:
    (machine.medium / "SHA512SUMS").write_text("<html>\n")
    assert "SHA512SUMS of the server cannot be read" in machine.fails(server.url)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_a_server_known_by_its_certificate(machine: Machine, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with serving_medium(dict(FILES), certificate) as server:
        machine.fetch(server.url, certificate.pin)
        assert machine.is_whole()
        assert "has another certificate than the expected one" in machine.fails(server.url, "cd" * 32)
        assert "the server's certificate is not trusted" in machine.fails(server.url)


def test_free_memory_is_what_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 2097152 kB\nMemAvailable: 1048576 kB\n")
    assert available_mib(tmp_path / "meminfo") == 1024


# The check of the medium


@pytest.fixture
def checking(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(cli, "MEDIUM", machine.medium)
    monkeypatch.setattr(cli, "_command_line", lambda: "edgelinux.medium=http://server/os")
    monkeypatch.setattr(cli, "is_attended", lambda: True)
    monkeypatch.setattr(cli, "console_names", lambda: ())
    monkeypatch.setattr(cli, "Consoles", lambda names, stdout: Consoles([], stdout=True))
    (machine.medium / "live/edgelinux.squashfs").write_bytes(b"")
    return machine


def test_the_check_looks_at_what_was_fetched(checking: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--check-medium"]) == 0
    assert "MEDIUM OK: http://server/os, 1 files that were fetched are as" in capsys.readouterr().out
    (checking.medium / "live/edgelinux.squashfs").write_bytes(b"x")
    assert cli.main(["--check-medium"]) == 1
    assert "MEDIUM DAMAGED: live/edgelinux.squashfs is damaged" in capsys.readouterr().out


def test_the_check_without_the_list_of_all(checking: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (checking.medium / "SHA512SUMS").unlink()
    assert cli.main(["--check-medium"]) == 1
    assert "MEDIUM DAMAGED: the checksums from http://server/os cannot" in capsys.readouterr().out
    (checking.medium / "live/SHA512SUMS").write_text(sums({"edgelinux.squashfs": b""}))
    assert cli.main(["--check-medium"]) == 0
