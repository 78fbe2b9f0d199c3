"""The dracut module: what its scripts decide, run with programs that only pretend."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_hostd.arc import arc_max_bytes
from edgelinux_hostd.grubcfg import BootEntry, kernel_command_line

MODULE = Path(__file__).parents[3] / "hostd/dracut/90edgelinux-pool"
OURS, FOREIGN = 2222222222222222222, 11111111111111111111
ENTRY = BootEntry("2.1.0", "antlets/ROOT/2.1.0", OURS, 0xABCDEF)
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


def listing(*pools: tuple[int, str]) -> str:
    """What `zpool import` prints for pools that are all called antlets."""
    return "".join(
        f"   pool: antlets\n     id: {guid}\n  state: {state}\n action: The pool can be imported.\n"
        f" config:\n\n\tantlets     {state}\n\t  vda3      ONLINE\n\n"
        for guid, state in pools
    )


class Initramfs:
    """A directory of pretending programs, a kernel command line, and what the scripts said and ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.kmsg = folder / "kmsg"
        self.kmsg.touch()
        self.calls = folder / "calls"
        self.calls.touch()
        self.cmdline(*kernel_command_line(ENTRY))
        (folder / "partuuids").mkdir()
        for name in ("modprobe", "udevadm", "systemctl", "journalctl"):
            self.program(name, "")
        self.program("sleep", "exec /bin/sleep 0.05")

    def program(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls}\n{body}\n', encoding="utf-8")
        path.chmod(0o755)

    def zpool(self, *looks: str, import_fails: str = "") -> None:
        """Answer one look for pools after the other, the last one again and again."""
        for number, text in enumerate(looks):
            (self.folder / f"look{number}").write_text(text, encoding="utf-8")
        fail = f"echo '{import_fails}' >&2; exit 1" if import_fails else "exit 0"
        self.program(
            "zpool",
            f"""case "$*" in *" -N "*) {fail} ;; esac
            n=$(cat {self.folder}/looks 2>/dev/null || echo 0)
            [ -e {self.folder}/look$n ] || n={len(looks) - 1}
            cat {self.folder}/look$n
            echo $((n + 1)) > {self.folder}/looks""",
        )

    def cmdline(self, *words: str) -> None:
        (self.folder / "cmdline").write_text(" ".join(words) + "\n", encoding="utf-8")

    def run(self, script: str, *arguments: str, interpreter: str = "sh", **env: str) -> int:
        environment = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "EDGELINUX_LIB": str(MODULE),
            "EDGELINUX_CMDLINE": str(self.folder / "cmdline"),
            "EDGELINUX_KMSG": str(self.kmsg),
            "EDGELINUX_PARTUUIDS": str(self.folder / "partuuids"),
            **env,
        }
        # What reboots must be a pretending program, whatever happens.
        assert shutil.which("systemctl", path=environment["PATH"]) == str(self.bin / "systemctl")
        done = subprocess.run(
            [interpreter, MODULE / script, *arguments], env=environment, timeout=30, check=False
        )
        return done.returncode

    def said(self) -> str:
        return self.kmsg.read_text(encoding="utf-8")

    def imports(self) -> list[str]:
        lines = self.calls.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.startswith("zpool") and " -N " in line]

    def looks(self) -> list[str]:
        lines = self.calls.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.startswith("zpool") and " -N " not in line]


@pytest.fixture
def initramfs(tmp_path: Path) -> Initramfs:
    return Initramfs(tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_online_is_imported_at_once_by_guid(initramfs: Initramfs, shell: str) -> None:
    initramfs.zpool(listing((FOREIGN, "ONLINE"), (OURS, "ONLINE")))
    assert initramfs.run("edgelinux-pool.sh", interpreter=shell) == 0
    partuuids = initramfs.folder / "partuuids"
    assert initramfs.imports() == [f"zpool import -N -f -o cachefile=none -d {partuuids} {OURS} antlets"]
    assert initramfs.looks() == [f"zpool import -d {partuuids}"]


def test_modules_get_hostid_and_arc(initramfs: Initramfs) -> None:
    assert initramfs.run("edgelinux-zfs.sh") == 0
    lines = initramfs.calls.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "modprobe spl spl_hostid=0x00abcdef"
    total = next(
        int(line.split()[1]) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    )
    assert lines[1] == f"modprobe zfs zfs_arc_max={arc_max_bytes(total * 1024)}"


def test_an_arc_on_the_command_line_wins(initramfs: Initramfs) -> None:
    initramfs.cmdline(*kernel_command_line(ENTRY), "zfs.zfs_arc_max=1073741824")
    assert initramfs.run("edgelinux-zfs.sh") == 0
    assert "modprobe zfs\n" in initramfs.calls.read_text(encoding="utf-8")


@pytest.mark.parametrize("shell", SHELLS)
def test_degraded_waits_for_the_other_disk(initramfs: Initramfs, shell: str) -> None:
    degraded = listing((OURS, "DEGRADED"))
    initramfs.zpool("", degraded, degraded, degraded, degraded, listing((OURS, "ONLINE")))
    assert initramfs.run("edgelinux-pool.sh", interpreter=shell) == 0
    assert "a disk of pool antlets is missing; waiting 10 s" in initramfs.said()
    assert f"imported pool antlets ({OURS}), ONLINE" in initramfs.said()


def test_degraded_is_taken_in_the_end(initramfs: Initramfs) -> None:
    initramfs.zpool(listing((OURS, "DEGRADED")))
    assert initramfs.run("edgelinux-pool.sh", EDGELINUX_DEGRADED_WAIT="1", EDGELINUX_GIVE_UP_AFTER="0") == 0
    assert f"imported pool antlets ({OURS}), DEGRADED" in initramfs.said()
    assert initramfs.imports()[0].endswith(f"-d {initramfs.folder}/partuuids -d /dev {OURS} antlets")
    assert len(initramfs.looks()) > 2


def test_another_pool_of_the_same_name_is_left_alone(initramfs: Initramfs) -> None:
    initramfs.zpool(listing((FOREIGN, "ONLINE")))
    assert initramfs.run("edgelinux-pool.sh", EDGELINUX_GIVE_UP_AFTER="1") == 1
    assert initramfs.imports() == []
    assert f"<3>edgelinux: cannot boot: pool antlets with GUID {OURS} was not found after" in initramfs.said()


def test_an_unavailable_pool_is_not_imported(initramfs: Initramfs) -> None:
    initramfs.zpool(listing((OURS, "UNAVAIL")))
    assert initramfs.run("edgelinux-pool.sh", EDGELINUX_GIVE_UP_AFTER="1") == 1
    assert initramfs.imports() == []
    assert "is UNAVAIL and cannot be imported after" in initramfs.said()


def test_an_import_that_fails_is_tried_again_and_said(initramfs: Initramfs) -> None:
    initramfs.zpool(listing((OURS, "ONLINE")), import_fails="cannot import: I/O error")
    assert initramfs.run("edgelinux-pool.sh", EDGELINUX_GIVE_UP_AFTER="1") == 1
    assert len(initramfs.imports()) > 1
    assert "is ONLINE, but: cannot import: I/O error" in initramfs.said()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["root=zfs:antlets/ROOT/1"], "edgelinux.pool= is missing"),
        (["root=zfs:antlets/ROOT/1", "edgelinux.pool=antlets"], "edgelinux.pool=antlets is not the GUID"),
        (["root=/dev/vda3", "edgelinux.pool=1"], "is not root=zfs:POOL/DATASET"),
        (["root=zfs:antlets", "edgelinux.pool=1"], "is not root=zfs:POOL/DATASET"),
    ],
)
def test_a_command_line_that_names_no_pool(initramfs: Initramfs, words: list[str], reason: str) -> None:
    initramfs.cmdline(*words)
    assert initramfs.run("edgelinux-pool.sh") == 1
    assert reason in initramfs.said()


def test_a_module_that_does_not_load(initramfs: Initramfs) -> None:
    initramfs.program("modprobe", "exit 1")
    assert initramfs.run("edgelinux-zfs.sh") == 1
    assert "cannot boot: the kernel module spl does not load" in initramfs.said()


@pytest.mark.parametrize("shell", SHELLS)
def test_generator(initramfs: Initramfs, tmp_path: Path, shell: str) -> None:
    directories = [str(tmp_path / name) for name in ("normal", "early", "late")]
    assert initramfs.run("edgelinux-pool-generator.sh", *directories, interpreter=shell) == 0
    early = tmp_path / "early"
    unit = (early / "sysroot.mount").read_text(encoding="utf-8")
    assert "What=antlets/ROOT/2.1.0\nType=zfs\nOptions=zfsutil\n" in unit
    assert "Requires=edgelinux-pool.service\nAfter=edgelinux-pool.service\n" in unit
    wanted = early / "initrd-root-fs.target.requires/sysroot.mount"
    assert wanted.resolve() == (early / "sysroot.mount").resolve()
    assert not (tmp_path / "normal").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["root=live:CDLABEL=EDGELINUX_1"],
        ["root=/dev/vda3"],
        ["root=zfs:antlets/ROOT/1;reboot"],
        ["root=zfs:antlets/ROOT/1", "root=/dev/vda3"],
        [],
    ],
)
def test_generator_minds_its_own_roots(initramfs: Initramfs, tmp_path: Path, words: list[str]) -> None:
    initramfs.cmdline(*words)
    directories = [str(tmp_path / name) for name in ("normal", "early", "late")]
    assert initramfs.run("edgelinux-pool-generator.sh", *directories) == 0
    assert not (tmp_path / "early").exists()


@pytest.mark.parametrize(("root", "known"), [("zfs:antlets/ROOT/1", "1"), ("/dev/vda3", ""), ("", "")])
def test_dracut_is_told_that_the_root_is_known(root: str, known: str) -> None:
    script = f'root={root}; . "{MODULE}/parse-edgelinux-pool.sh"; printf %s "$rootok"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == known


@pytest.mark.parametrize("shell", SHELLS)
def test_arc_max_is_what_the_library_says(shell: str) -> None:
    for kib in (262144, 2013448, 16384000, 263716144, 2113929216):
        script = f'. "{MODULE}/pool-lib.sh"; arc_max {kib}'
        done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True)
        assert int(done.stdout) == arc_max_bytes(kib * 1024)


class Console:
    """A terminal of which the test holds the other end."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        os.set_blocking(self.ours, False)
        self.tty = os.ttyname(self.theirs).removeprefix("/dev/")

    def press(self, key: str) -> None:
        os.write(self.ours, key.encode())

    def shows(self) -> str:
        try:
            return os.read(self.ours, 65536).decode()
        except BlockingIOError:
            return ""


@pytest.fixture
def console() -> Iterator[Console]:
    terminal = Console()
    yield terminal
    os.close(terminal.ours)
    os.close(terminal.theirs)


def emergency(initramfs: Initramfs, console: Console, **env: str) -> int:
    consoles = initramfs.folder / "consoles"
    consoles.write_text(f"{console.tty}  -W- (EC p a)  4:64\n", encoding="utf-8")
    initramfs.program("journalctl", "echo 'cannot boot: pool antlets was not found'")
    return initramfs.run(
        "edgelinux-emergency.sh",
        interpreter="bash",
        EDGELINUX_CONSOLES=str(consoles),
        EDGELINUX_PRESSED=str(initramfs.folder / "pressed"),
        **env,
    )


def test_emergency_says_why_and_reboots(initramfs: Initramfs, console: Console) -> None:
    initramfs.cmdline(*kernel_command_line(ENTRY), "rd.shell=0")
    emergency(initramfs, console)
    said = console.shows()
    assert "edgeLinux: this host cannot boot." in said
    assert "    cannot boot: pool antlets was not found" in said
    assert "edgeLinux: this host now reboots." in said
    calls = initramfs.calls.read_text(encoding="utf-8").splitlines()
    assert calls[-3:] == ["systemctl reboot --force", "sleep 30", "systemctl reboot --force --force"]


def test_emergency_halts_where_told_to(initramfs: Initramfs, console: Console) -> None:
    initramfs.cmdline(*kernel_command_line(ENTRY), "rd.shell=0", "edgelinux.emergency=halt")
    emergency(initramfs, console)
    assert initramfs.calls.read_text(encoding="utf-8").splitlines()[-1] == "systemctl halt --force"


def test_a_key_gives_a_shell_on_that_console(initramfs: Initramfs, console: Console) -> None:
    initramfs.program("setsid", "")
    console.press("x")
    assert emergency(initramfs, console) == 0
    calls = initramfs.calls.read_text(encoding="utf-8")
    assert "setsid --ctty --wait bash --norc -i" in calls
    assert "systemctl" not in calls


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
def test_shellcheck() -> None:
    scripts = [*MODULE.glob("*.sh"), MODULE.parents[1] / "networkmanager/50-edgelinux-announce"]
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
