"""What the initramfs fetches over the network: its script, with curl and a server that fails in many ways."""

from __future__ import annotations

import hashlib
import os
import pty
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.hostd.report.server import Certificate, make_certificate
from tests.unit.installer.mediumserver import MediumServer, serving_medium

MODULE = (
    Path(__file__).parents[3] / "elements/edgelinux-live/static/usr/lib/dracut/modules.d/90edgelinux-live"
)
SYSTEM = "live/edgelinux.squashfs"
SQUASHFS = os.urandom(3 * 1024**2 + 17)
SHA512 = hashlib.sha512(SQUASHFS).hexdigest()
FILES = {
    SYSTEM: SQUASHFS,
    "live/SHA512SUMS": f"{SHA512}  edgelinux.squashfs\n".encode(),
    "SHA512SUMS": b"sums\n",
    "edgelinux/media.json": b"{}\n",
    "edgelinux/ks.cfg": b"reboot\n",
}
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")


class Initramfs:
    """A kernel command line, memory, and what the script said and mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.medium = folder / "live"
        self.kmsg = folder / "kmsg"
        self.kmsg.touch()
        self.mounts = folder / "mounts"
        self.mounts.touch()
        (folder / "bin").mkdir()
        self.program("mount", f'echo "$*" >> {self.mounts}')
        self.program("mountpoint", f"test -s {self.mounts}")
        self.program("sleep", "exec /bin/sleep 0.05")
        self.program("ip", "echo '2: ens3 inet 192.0.2.7/24'")
        self.program("nmcli", f'echo "$*" >> {folder}/nmcli')
        self.memory(2048)

    def program(self, name: str, body: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def memory(self, mib: int) -> None:
        (self.folder / "meminfo").write_text(f"MemTotal:  {mib * 1024} kB\nMemFree: 1 kB\n", encoding="utf-8")

    def fetch(self, url: str, *words: str, sha512: str = SHA512, shell: str = "sh", **env: str) -> int:
        (self.folder / "cmdline").write_text(
            f"quiet edgelinux.medium={url} edgelinux.sha512={sha512} {' '.join(words)}\n", encoding="utf-8"
        )
        environment = {
            **os.environ,
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "TMPDIR": str(self.folder),
            "EDGELINUX_LIB": str(MODULE),
            "EDGELINUX_CMDLINE": str(self.folder / "cmdline"),
            "EDGELINUX_KMSG": str(self.kmsg),
            "EDGELINUX_MEDIUM": str(self.medium),
            "EDGELINUX_MEMINFO": str(self.folder / "meminfo"),
            "EDGELINUX_STALL": "1",
            **{f"EDGELINUX_{name}": value for name, value in env.items()},
        }
        done = subprocess.run([shell, MODULE / "netmedium.sh"], env=environment, timeout=60, check=False)
        return done.returncode

    @property
    def said(self) -> str:
        return self.kmsg.read_text(encoding="utf-8")

    @property
    def errors(self) -> list[str]:
        """What a console shows, however quiet the kernel is to be."""
        return [
            line.partition(">edgelinux: ")[2] for line in self.said.splitlines() if line.startswith("<3>")
        ]

    def is_whole(self) -> bool:
        return (self.medium / SYSTEM).read_bytes() == SQUASHFS


@pytest.fixture
def initramfs(tmp_path: Path) -> Initramfs:
    return Initramfs(tmp_path)


@pytest.fixture
def server() -> Iterator[MediumServer]:
    with serving_medium(dict(FILES)) as running:
        yield running


@pytest.mark.parametrize("shell", SHELLS)
def test_the_medium_lies_as_on_a_disc(initramfs: Initramfs, server: MediumServer, shell: str) -> None:
    assert initramfs.fetch(f"{server.url}/", shell=shell) == 0
    found = {
        str(path.relative_to(initramfs.medium)) for path in initramfs.medium.rglob("*") if path.is_file()
    }
    assert found == set(FILES)
    assert initramfs.is_whole()
    assert (initramfs.medium / "edgelinux/ks.cfg").read_bytes() == b"reboot\n"
    assert server.gets(SYSTEM) == [""]
    assert initramfs.mounts.read_text() == (
        f"-t tmpfs -o size=36m,mode=0755 edgelinux-medium {initramfs.medium}\n"
    )
    assert "fetched 4 MiB in " in initramfs.said
    assert initramfs.errors == []


def test_what_a_server_may_leave_out(initramfs: Initramfs, server: MediumServer) -> None:
    del server.files["SHA512SUMS"], server.files["edgelinux/ks.cfg"]
    assert initramfs.fetch(server.url) == 0
    assert not (initramfs.medium / "edgelinux/ks.cfg").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_cut_connection_is_taken_up_where_it_broke(
    initramfs: Initramfs, server: MediumServer, shell: str
) -> None:
    server.cuts = [1_000_000, 500_000]
    assert initramfs.fetch(server.url, shell=shell) == 0
    assert initramfs.is_whole()
    assert server.gets(SYSTEM) == ["", "bytes=1000000-", "bytes=1500000-"]
    assert "trying again in 1 s, from 1 MiB on" in initramfs.said


def test_a_stalled_connection_is_made_anew(initramfs: Initramfs, server: MediumServer) -> None:
    server.stalls = [2_000_000]
    assert initramfs.fetch(server.url) == 0
    assert initramfs.is_whole()
    assert server.gets(SYSTEM) == ["", "bytes=2000000-"]


def test_a_server_without_ranges_starts_again(initramfs: Initramfs, server: MediumServer) -> None:
    server.ranges = False
    server.cuts = [1_000_000]
    assert initramfs.fetch(server.url) == 0
    assert initramfs.is_whole()
    assert server.gets(SYSTEM)[-1] == ""


@pytest.mark.parametrize(("head", "length"), [(405, True), (501, True), (200, False)])
def test_a_server_that_does_not_say_how_much(
    initramfs: Initramfs, server: MediumServer, head: int, length: bool
) -> None:
    server.head, server.length = head, length
    assert initramfs.fetch(server.url) == 0
    assert initramfs.is_whole()
    # All that the machine can spare.
    assert "size=1312m" in initramfs.mounts.read_text()


def test_a_wrong_file_is_fetched_anew_once(initramfs: Initramfs, server: MediumServer) -> None:
    server.wrong = [SQUASHFS[:-1] + bytes([SQUASHFS[-1] ^ 1])]
    assert initramfs.fetch(server.url) == 0
    assert initramfs.is_whole()
    assert server.gets(SYSTEM) == ["", ""]
    assert "its SHA-512 is not that of edgelinux.sha512=; fetching it anew" in initramfs.said


def test_a_file_that_stays_wrong_is_refused(initramfs: Initramfs, server: MediumServer) -> None:
    assert initramfs.fetch(server.url, sha512="ab" * 64) == 1
    assert server.gets(SYSTEM) == ["", ""]
    assert initramfs.errors == [
        f"{server.url}/{SYSTEM} is not what this machine was told to boot: its SHA-512 is {SHA512[:16]}…, "
        "edgelinux.sha512= says abababababababab…; are the server's files of one build?",
        "no disk was touched",
    ]
    assert not (initramfs.medium / SYSTEM).exists()


def test_a_checksum_is_asked_for(initramfs: Initramfs, server: MediumServer) -> None:
    assert initramfs.fetch(server.url, sha512="") == 1
    assert initramfs.errors[0] == "edgelinux.sha512= on the kernel's command line is no SHA-512"
    assert server.asked == []


@pytest.mark.parametrize("path", [SYSTEM, "live/SHA512SUMS", "edgelinux/media.json"])
def test_what_a_server_has_not(initramfs: Initramfs, server: MediumServer, path: str) -> None:
    del server.files[path]
    assert initramfs.fetch(server.url) == 1
    assert initramfs.errors == [f"the server has no {server.url}/{path} (404)", "no disk was touched"]


def test_a_refusal_is_final_and_trouble_is_not(initramfs: Initramfs, server: MediumServer) -> None:
    server.statuses = [503, 500]
    assert initramfs.fetch(server.url) == 0
    assert "The requested URL returned error: 503; trying again" in initramfs.said
    (initramfs.medium / SYSTEM).unlink()
    server.statuses = [403]
    assert initramfs.fetch(server.url) == 1
    assert initramfs.errors[0].startswith(f"cannot fetch {server.url}/{SYSTEM}: The requested URL returned")


def test_too_little_memory_is_said_before_anything_is_fetched(
    initramfs: Initramfs, server: MediumServer
) -> None:
    initramfs.memory(768)
    assert initramfs.fetch(server.url) == 1
    assert initramfs.errors[0] == ("this machine has too little memory: 772 MiB are needed, it has 768 MiB")
    assert server.gets(SYSTEM) == []
    assert initramfs.mounts.read_text() == ""


def test_nobody_answers(initramfs: Initramfs) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/os"
        assert initramfs.fetch(url, PATIENCE="1") == 1
    assert initramfs.errors[0].startswith(f"cannot fetch {url}/{SYSTEM}: Failed to connect")
    assert "; nothing came for " in initramfs.errors[0]
    assert initramfs.errors[1] == "no disk was touched"


def test_without_an_address_dhcp_is_tried_again(initramfs: Initramfs) -> None:
    initramfs.program("ip", "")
    assert initramfs.fetch("http://192.0.2.1/os", PATIENCE="2", DHCP="1", STALL="1") == 1
    assert "/os/live/edgelinux.squashfs: this machine has no address: is a cable" in initramfs.errors[0]
    assert (initramfs.folder / "nmcli").read_text().startswith("networking off\nnetworking on\n")


def test_a_server_that_only_stalls_is_given_up(initramfs: Initramfs, server: MediumServer) -> None:
    server.stalls = [1_000_000, *[0] * 20]
    assert initramfs.fetch(server.url, PATIENCE="2") == 1
    assert initramfs.errors[0].startswith(f"cannot fetch {server.url}/{SYSTEM}: Operation too slow")
    # A person who has the server mended, and goes on, does not pay for the first part again.
    server.stalls = []
    assert initramfs.fetch(server.url) == 0
    assert server.gets(SYSTEM)[-1] == "bytes=1000000-"
    assert len(initramfs.mounts.read_text().splitlines()) == 1


def test_a_server_that_is_ever_so_slow_is_given_up(initramfs: Initramfs, server: MediumServer) -> None:
    server.cuts = [10] * 1000
    assert initramfs.fetch(server.url, OVERALL="1") == 1
    assert f"cannot fetch {server.url}/{SYSTEM}: not there after " in initramfs.errors[0]


needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@needs_openssl
def test_a_server_known_by_its_certificate(initramfs: Initramfs, certificate: Certificate) -> None:
    with serving_medium(dict(FILES), certificate) as server:
        server.cuts = [1_000_000]
        assert initramfs.fetch(server.url, f"edgelinux.cert={certificate.pin}") == 0
    assert initramfs.is_whole()
    assert server.gets(SYSTEM) == ["", "bytes=1000000-"]


@needs_openssl
def test_another_certificate_is_refused(initramfs: Initramfs, certificate: Certificate) -> None:
    with serving_medium(dict(FILES), certificate) as server:
        assert initramfs.fetch(server.url, f"edgelinux.cert={'cd' * 32}") == 1
    assert initramfs.errors == [
        f"cannot fetch {server.url}/{SYSTEM}: the server has another certificate than edgelinux.cert= says",
        "no disk was touched",
    ]
    assert server.gets(SYSTEM) == []


@needs_openssl
def test_without_a_pin_certificates_are_checked_as_usual(
    initramfs: Initramfs, certificate: Certificate
) -> None:
    with serving_medium(dict(FILES), certificate) as server:
        assert initramfs.fetch(server.url) == 1
    assert "SSL certificate problem: self-signed certificate" in initramfs.errors[0]
    assert server.asked == []


# The units


def generated(folder: Path, command_line: str) -> dict[str, str]:
    """Run the generator over the module's files; the units it has put in place, and their texts."""
    (folder / "cmdline").write_text(f"{command_line}\n", encoding="utf-8")
    lib = folder / "lib"
    for name, source in (("medium-units", "units"), ("netmedium-units", "netmedium-units")):
        shutil.copytree(MODULE / source, lib / name, symlinks=True, dirs_exist_ok=True)
    script = (MODULE / "edgelinux-medium-generator.sh").read_text(encoding="utf-8")
    script = script.replace("/proc/cmdline", f"{folder}/cmdline").replace("/usr/lib/edgelinux", str(lib))
    folders = [folder / name for name in ("normal", "early", "late")]
    for one in folders:
        one.mkdir()
    subprocess.run(["sh", "-c", script, "generator", *folders], check=True)
    found = [path for path in folders[1].rglob("*") if path.is_symlink() or path.is_file()]
    return {
        str(path.relative_to(folders[1])): "" if path.is_symlink() else path.read_text(encoding="utf-8")
        for path in found
    }


NETWORK = (
    "root=live:http://server/os/live/edgelinux.squashfs rd.live.image rd.live.overlay.overlayfs=1 "
    "ip=dhcp rd.neednet=1 edgelinux.medium=http://server/os"
)


def test_a_network_boot_waits_for_what_is_fetched(tmp_path: Path) -> None:
    units = generated(tmp_path, NETWORK)
    base = units["run-rootfsbase.mount"]
    assert "Requires=edgelinux-netmedium.service\nAfter=edgelinux-netmedium.service\n" in base
    assert "What=/run/initramfs/live/live/edgelinux.squashfs\n" in base
    assert "run-initramfs-live.mount" not in units
    # What fails on the way is a failed boot, with our text.
    assert "initrd-root-fs.target.requires/sysroot.mount" in units
    assert "netmedium-emergency" in units["emergency.service.d/edgelinux-netmedium.conf"]
    assert "IgnoreOnIsolate=yes" in units["edgelinux-netmedium.service"]
    assert "dracut-initqueue.service" in units


def test_a_disc_has_nothing_of_it(tmp_path: Path) -> None:
    units = generated(
        tmp_path,
        "root=live:CDLABEL=EDGELINUX_1 rd.live.image rd.live.dir=/live rd.live.squashimg=edgelinux.squashfs "
        "rd.live.overlay.overlayfs=1",
    )
    assert "What=/dev/disk/by-label/EDGELINUX_1\n" in units["run-initramfs-live.mount"]
    base = units["run-rootfsbase.mount"]
    assert "RequiresMountsFor=/run/initramfs/live\n" in base
    assert "What=/run/initramfs/live/live/edgelinux.squashfs\n" in base
    assert not [name for name in units if "netmedium" in name or name.startswith("emergency")]


@pytest.mark.parametrize(
    "command_line",
    [
        f"{NETWORK} rd.break",
        NETWORK.replace("edgelinux.medium=http", "edgelinux.medium=tftp"),
        "root=/dev/vda",
    ],
)
def test_the_rest_is_left_to_dracut(tmp_path: Path, command_line: str) -> None:
    assert generated(tmp_path, command_line) == {}


def test_all_that_units_run_is_put_into_the_initramfs() -> None:
    setup = (MODULE / "module-setup.sh").read_text(encoding="utf-8")
    for unit in (MODULE / "netmedium-units").rglob("*.*"):
        for line in unit.read_text(encoding="utf-8").splitlines() if unit.is_file() else ():
            command = line.partition("ExecStart=")[2].lstrip("-")
            if command.startswith("/usr/lib/edgelinux/"):
                assert f'"$moddir/{Path(command).name}.sh" {command}\n' in setup


def test_the_emergency_says_why_and_offers_a_shell(initramfs: Initramfs) -> None:
    ours, theirs = pty.openpty()
    (initramfs.folder / "consoles").write_text(f"{os.ttyname(theirs).removeprefix('/dev/')} -W- (EC)\n")
    (initramfs.folder / "cmdline").write_text(f"{NETWORK}\n", encoding="utf-8")
    initramfs.program("journalctl", "echo 'cannot fetch http://server/os: no route'")
    initramfs.program("setsid", f'echo "$*" > {initramfs.folder}/shell')
    os.write(ours, b"\n")
    environment = {
        "PATH": f"{initramfs.folder}/bin:{os.environ['PATH']}",
        "EDGELINUX_LIB": str(MODULE),
        "EDGELINUX_CMDLINE": str(initramfs.folder / "cmdline"),
        "EDGELINUX_CONSOLES": str(initramfs.folder / "consoles"),
    }
    subprocess.run(["sh", MODULE / "netmedium-emergency.sh"], env=environment, timeout=30, check=False)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert "No disk of this machine was touched." in shown
    assert "    cannot fetch http://server/os: no route" in shown
    assert "Booted from http://server/os\r\n" in shown
    assert (initramfs.folder / "shell").read_text() == "--ctty --wait sh -i\n"


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
def test_shellcheck() -> None:
    done = subprocess.run(
        ["shellcheck", "-x", "-P", str(MODULE.parents[7]), *MODULE.glob("*.sh")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
