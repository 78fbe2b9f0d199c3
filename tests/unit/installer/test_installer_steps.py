"""Drives the whole installation with every program replaced, and breaks it at every step."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd import bootconfig, esp
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.image import ImageInfo
from edgelinux_installer import install as install_module
from edgelinux_installer import stream as stream_module
from edgelinux_installer.context import Context, Step
from edgelinux_installer.install import InstallError, install
from edgelinux_installer.kickstart import read_kickstart
from edgelinux_installer.plan import InstallPlan, Machine, make_plan
from edgelinux_installer.progress import Progress
from edgelinux_installer.steps import STEPS, close, erase, medium, partitions, pool, templates

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me"

KICKSTART = f"""\
timezone Europe/Berlin --utc
timesource --ntp-server=ntp.example
network --device=br0 --bridgeslaves=link --hostname=edge1
rootpw --iscrypted '$6$salt$hash'
user --name=admin --groups=wheel --lock
sshkey --username=root '{KEY}'
firewall --enabled --port=8006:tcp
services --disabled=foo
bootloader --append='console=ttyS0,115200'
clearpart --all
%addon edgelinux_zfs
disks = 2
%end
%post --erroronfail --log=/var/log/edgelinux/post.log
echo hi
%end
"""

CLOSED = "zpool export antlets"


@dataclass
class World:
    """A machine made of files, and the programs that were run on it."""

    root: Path
    plan: InstallPlan
    ran: list[str] = field(default_factory=list)
    stdin: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def target(self) -> Path:
        return self.root / "target"

    @property
    def esps(self) -> list[Path]:
        return [self.root / "esp" / Path(f"{disk.path}2").name for disk in self.plan.disks]

    def bootable(self) -> bool:
        """Whether anything is on an ESP or was run that makes a disk boot."""
        files = [path for esp_dir in self.esps for path in esp_dir.rglob("*")]
        names = {path.name.lower() for path in files}
        return bool({"bootx64.efi", "grub.cfg", "shimx64.efi"} & names) or any(
            line.startswith(("grub-install", "efibootmgr")) for line in self.ran
        )

    def run(self, argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        line = " ".join(argv).replace(str(self.root), "")
        self.ran.append(line)
        self.stdin[line] = options.get("input") or ""
        for prefix, (code, out) in self.answers.items():
            if line.startswith(prefix):
                return subprocess.CompletedProcess(argv, code, out, "" if code == 0 else out)
        if line.startswith("zpool export"):
            assert not self.bootable(), "bootable before the pool is closed"
        return subprocess.CompletedProcess(argv, 0, "", "")

    def install(self, steps: tuple[Step, ...] = STEPS) -> None:
        def context(plan: InstallPlan, progress: Progress, medium_dir: Path) -> Context:
            return Context(
                plan,
                progress,
                medium_dir,
                live=self.root / "live",
                target=self.target,
                run_dir=self.root / "run",
            )

        install(self.plan, self.said.append, medium=self.root / "medium", steps=steps, context=context)

    def index(self, prefix: str) -> int:
        return next(number for number, line in enumerate(self.ran) if line.startswith(prefix))


@pytest.fixture
def world(tmp_path: Path, machine: Machine, image: ImageInfo, monkeypatch: pytest.MonkeyPatch) -> World:
    disks = []
    for disk in machine.disks:
        path = tmp_path / disk.name
        with path.open("wb") as file:
            file.truncate(disk.size)
        disks.append(replace(disk, path=str(path)))
    plan = make_plan(read_kickstart(KICKSTART, "ks.cfg"), replace(machine, disks=tuple(disks)), image)
    world = World(tmp_path, plan)
    world.answers["zpool get -H -o value guid"] = (0, "1234567890\n")

    squashfs = tmp_path / "medium/live/edgelinux.squashfs"
    squashfs.parent.mkdir(parents=True)
    squashfs.write_bytes(b"squash" * 1000)
    digest = hashlib.sha512(squashfs.read_bytes()).hexdigest()
    (squashfs.parent / "SHA512SUMS").write_text(f"{digest}  edgelinux.squashfs\n")

    for tree in ("live", "target"):
        for name in (
            image.kernel_path,
            image.initramfs_path,
            image.boot.shim,
            image.boot.mokmanager,
            image.boot.grub_efi,
        ):
            (tmp_path / tree / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / tree / name.lstrip("/")).write_text(name)
    for directory in ("etc/chrony", "tmp", "root"):
        (world.target / directory).mkdir(parents=True)
    (world.target / "etc/chrony/chrony.conf").write_text("pool old.example iburst\ndriftfile /x\n")
    (world.target / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (world.target / "etc/timezone").write_text("Etc/UTC\n")
    for name in ("zfs/parameters", "spl/parameters"):
        (tmp_path / "modules" / name).mkdir(parents=True)

    monkeypatch.setattr("edgelinux_hostd.run.subprocess.run", world.run)
    monkeypatch.setattr(stream_module, "subprocess", _Popen(world))
    monkeypatch.setattr(pool, "_MODULES", tmp_path / "modules")
    monkeypatch.setattr(pool, "_ETC", tmp_path / "live-etc")
    monkeypatch.setattr(medium, "_ZFS_MODULE", tmp_path / "modules/none")
    monkeypatch.setattr(erase, "_SYS_BLOCK", tmp_path / "none")
    monkeypatch.setattr(partitions, "wait_for", lambda paths: None)
    monkeypatch.setattr(close, "LOG", tmp_path / "run/install.log")
    monkeypatch.setattr(close, "TYPED", tmp_path / "run/kickstart.cfg")
    monkeypatch.setattr("edgelinux_installer.steps.close.time.sleep", lambda seconds: None)
    monkeypatch.setattr(esp, "_RUN", tmp_path / "esp")
    monkeypatch.setattr(esp, "_grub_install_tool", lambda: ("grub-install", "grub"))
    monkeypatch.setattr("edgelinux_installer.steps.accounts.os.chown", lambda path, uid, gid: None)
    monkeypatch.setattr(esp, "update_nvram", lambda entries: None)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/install.log").write_text("log so far\n")
    (tmp_path / "run/kickstart.cfg").write_text("typed\n")
    return world


class _Popen:
    """Stands for the module subprocess in stream.py."""

    DEVNULL = PIPE = STDOUT = 0

    def __init__(self, world: World) -> None:
        self.world = world
        self.returncode = 0

    def Popen(self, argv: list[str], **_options: Any) -> _Popen:
        done = self.world.run(argv)
        self.returncode = done.returncode
        self.stdout = ["0\n", "15\n", "16\n", "99\n", "100\n", *done.stdout.splitlines()]
        return self

    def __enter__(self) -> _Popen:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


def test_the_golden_path(world: World) -> None:
    world.install()
    partition = "/dev/disk/by-partuuid/"
    golden = [
        "modprobe zfs",
        "sfdisk --lock=yes --wipe=always --wipe-partitions=always /vda",
        "sfdisk --lock=yes --wipe=always --wipe-partitions=always /vdb",
        "udevadm settle",
        "mkfs.vfat -F 32 -n EDGELINUX /vda2",
        "mkfs.vfat -F 32 -n EDGELINUX /vdb2",
        "zpool create -f -R /target -o cachefile=none",
        "zpool get -H -o value guid antlets",
        "zfs create -u -o canmount=off -o mountpoint=none antlets/ROOT",
        "zfs create -u -o canmount=off -o mountpoint=none antlets/STATE",
        "zfs create -u -o canmount=off antlets/TEMPLATES",
        "zfs create -u -o canmount=noauto -o mountpoint=/ -o reservation=2G antlets/ROOT/2.1.0",
        "zfs create -u -o mountpoint=legacy antlets/STATE/log",
        "zfs create -u -o mountpoint=legacy antlets/STATE/libvirt",
        "zfs create -u -o mountpoint=legacy antlets/STATE/edgelinux",
        "zfs create -u -o mountpoint=legacy antlets/STATE/home",
        "zfs create -u -o mountpoint=legacy antlets/STATE/root",
        "zfs mount antlets/ROOT/2.1.0",
        "mount -t zfs antlets/STATE/log /target/var/log",
        "mount -t zfs antlets/STATE/libvirt /target/var/lib/libvirt",
        "mount -t zfs antlets/STATE/edgelinux /target/var/lib/edgelinux",
        "mount -t zfs antlets/STATE/home /target/home",
        "mount -t zfs antlets/STATE/root /target/root",
        "unsquashfs -f -percentage -d /target /medium/live/edgelinux.squashfs",
        "mount --bind /proc /target/proc",
        "mount --bind /sys /target/sys",
        "mount --bind /dev /target/dev",
        "mount --bind /run /target/run",
        "chroot /target groupadd --force wheel",
        "chroot /target useradd --create-home --shell /bin/bash --user-group --groups wheel admin",
        "chroot /target chpasswd --encrypted",
        "chroot /target usermod --lock admin",
        "systemctl --root=/target disable foo",
        "mount --bind /proc /target/proc",
        "mount --bind /sys /target/sys",
        "mount --bind /dev /target/dev",
        "mount --bind /run /target/run",
        "chroot /target /bin/sh /tmp/ks-script-",
        "mount -t vfat",
        "umount /esp/vda2",
        "mount -t vfat",
        "umount /esp/vdb2",
        "zpool status -P antlets",
        "zpool set failmode=wait antlets",
        "umount --recursive /target",
        "zpool export antlets",
        "mount -t vfat",
        "grub-install --target=i386-pc --directory=/live/usr/lib/grub/i386-pc",
        "umount /esp/vda2",
        "mount -t vfat",
        "grub-install --target=i386-pc --directory=/live/usr/lib/grub/i386-pc",
        "umount /esp/vdb2",
        "mount -t vfat",
        "umount /esp/vda2",
        "mount -t vfat",
        "umount /esp/vdb2",
    ]
    assert len(world.ran) == len(golden), "\n".join(world.ran)
    for line, start in zip(_siblings_sorted(world.ran), _siblings_sorted(golden), strict=True):
        assert line.startswith(start)
    create = world.ran[world.index("zpool create")].split()
    assert create[-4:-2] == ["antlets", "mirror"]
    assert all(part.startswith(partition) for part in create[-2:])
    tables = [table for line, table in world.stdin.items() if line.startswith("sfdisk")]
    guids = re.findall(r"name=edgelinux-zfs, uuid=(\S+)$", "".join(tables), re.M)
    assert [f"{partition}{guid}" for guid in guids] == create[-2:]


def _siblings_sorted(lines: list[str]) -> list[str]:
    """Bring what is done at the same time into one order: datasets of one depth, and their mounts."""

    def group(line: str) -> tuple[str, int]:
        words = line.split()
        if words[:2] == ["zfs", "create"]:
            return "create", words[-1].count("/")
        return ("mount", 0) if words[:3] == ["mount", "-t", "zfs"] else (line, 0)

    def runs() -> Iterator[list[str]]:
        for _, found in groupby(lines, key=group):
            yield sorted(found)

    return [line for run in runs() for line in run]


def test_the_new_system_is_this_host(world: World) -> None:
    world.install()
    etc = world.target / "etc"
    assert (etc / "hostname").read_text() == "edge1\n"
    assert "127.0.1.1 edge1\n" in (etc / "hosts").read_text()
    assert len((etc / "machine-id").read_text()) == 33
    assert (etc / "localtime").readlink() == Path("../usr/share/zoneinfo/Europe/Berlin")
    assert (etc / "timezone").read_text() == "Europe/Berlin\n"
    assert (etc / "adjtime").read_text().endswith("UTC\n")
    assert "boot" not in (etc / "fstab").read_text().split("#")[0]
    assert not (etc / "default/locale").exists()
    chrony = (etc / "chrony/chrony.conf").read_text()
    assert "#pool old.example" in chrony
    assert "server ntp.example iburst\n" in chrony
    assert "tcp dport 8006 accept" in (etc / "edgelinux/firewall.nft").read_text()
    assert "tcp dport 22 accept" in (etc / "edgelinux/firewall.nft").read_text()
    assert (world.target / "root/.ssh/authorized_keys").read_text() == f"{KEY}\n"
    assert (world.target / "root/.ssh/authorized_keys").stat().st_mode & 0o777 == 0o600
    assert world.stdin["chroot /target chpasswd --encrypted"] == "root:$6$salt$hash\n"
    profile = etc / "NetworkManager/system-connections/br0-port.nmconnection"
    assert profile.stat().st_mode & 0o777 == 0o600
    assert "mac-address=52:54:00:00:00:01" in profile.read_text()
    log_dir = world.target / "var/log/edgelinux"
    assert (log_dir / "install.log").read_text() == "log so far\n"
    assert (log_dir / "kickstart.cfg").read_text() == "typed\n"
    assert (log_dir / "kickstart.cfg").stat().st_mode & 0o777 == 0o600
    assert (log_dir / "post.log").exists()
    steps = json.loads((log_dir / "install.json").read_text())["steps"]
    assert [step["name"] for step in steps] == [step.name for step in STEPS[:-2]]


def test_pool_boot_entry_and_host_share_one_host_id(world: World) -> None:
    world.install()
    hostid = (world.target / "etc/hostid").read_bytes()
    number = int.from_bytes(hostid, "little")
    assert number != 0
    assert (world.root / "live-etc/hostid").read_bytes() == hostid
    assert (world.root / "modules/spl/parameters/spl_hostid").read_text() == str(number)
    for esp_dir in world.esps:
        menu = (esp_dir / "edgelinux/grub.cfg").read_text()
        assert f"spl_hostid=0x{number:08x}" in menu
        assert "edgelinux.pool=1234567890" in menu
        assert menu.index("quiet") < menu.index("console=ttyS0,115200")
        assert (esp_dir / "edgelinux/installed/EDGELINUX_0123ABCD").exists()


def test_a_later_sync_of_the_boot_menu_knows_the_sites_kernel_arguments(world: World) -> None:
    world.install()
    assert "console=ttyS0,115200" in bootconfig.load(world.target).append


def test_disks_are_blank_at_both_ends(world: World) -> None:
    for disk in world.plan.disks:
        with Path(disk.path).open("r+b") as file:
            file.write(b"old")
            file.seek(-3, 2)
            file.write(b"old")
    world.install()
    for disk in world.plan.disks:
        with Path(disk.path).open("rb") as file:
            assert file.read(3) == b"\0\0\0"
            file.seek(-3, 2)
            assert file.read(3) == b"\0\0\0"


def test_progress_names_step_percentage_and_time(world: World) -> None:
    world.install()
    assert world.said[0] == "Installing edgeLinux OS 2.1.0 (Test base 1, ZFS 2.3.9)"
    lines = [line for line in world.said if "%" in line]
    assert lines[0].split() == ["edgeLinux", "installer", "1/19", "0%", "0", "s", "Checking", "the", "medium"]
    assert sum("Writing the system: " in line for line in lines) == 2
    percents = [int(line.split("%")[0].split()[-1]) for line in lines]
    assert percents == sorted(percents)
    assert world.said[-1].startswith("Installation complete after ")


def test_timings_are_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world.install()
    (line,) = [message for message in caplog.messages if message.startswith("timings: ")]
    report = json.loads(line.removeprefix("timings: "))
    assert [step["name"] for step in report["steps"]] == [step.name for step in STEPS]


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[step.name for step in STEPS])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_failure_at_any_step_leaves_nothing_bootable(world: World, number: int, after: bool) -> None:
    step = STEPS[number]

    def broken(ctx: Context) -> None:
        if after:
            step.run(ctx)
        raise EdgeLinuxError("made to fail")

    world.answers["zpool list -H -o name"] = (0, "antlets\n")
    with pytest.raises(InstallError, match=f"{step.name}: made to fail"):
        world.install((*STEPS[:number], replace(step, run=broken), *STEPS[number + 1 :]))
    if step is STEPS[-1]:
        files = {path.name for esp_dir in world.esps for path in esp_dir.rglob("*")}
        assert "BOOTX64.EFI" not in files
    else:
        assert not world.bootable()
    made = any(line.startswith("zpool create") for line in world.ran)
    assert (CLOSED in [line.replace(" -f", "") for line in world.ran]) is made
    assert not any("Installation complete" in line for line in world.said)
    assert not any(line.startswith(("systemctl reboot", "reboot")) for line in world.ran)


def test_an_interruption_puts_everything_away_too(world: World) -> None:
    def interrupted(_ctx: Context) -> None:
        raise KeyboardInterrupt

    world.answers["zpool list -H -o name"] = (0, "antlets\n")
    with pytest.raises(KeyboardInterrupt):
        world.install((*STEPS[:8], replace(STEPS[8], run=interrupted), *STEPS[9:]))
    assert world.ran[-2:] == ["umount --recursive /target", "zpool export -f antlets"]


def test_a_person_can_stop_it_and_what_was_begun_is_put_away(world: World) -> None:
    waiting = threading.Event()

    def wait(_ctx: Context) -> None:
        waiting.wait(60)

    def stopped() -> bool:
        waiting.set()
        return True

    with pytest.raises(KeyboardInterrupt):
        install(
            world.plan,
            world.said.append,
            steps=(Step("Waiting", 1, wait),),
            stopped=stopped,
            context=lambda plan, progress, medium: Context(
                plan, progress, medium, target=world.target, run_dir=world.root / "run"
            ),
        )
    assert not any("complete" in line for line in world.said)


@pytest.mark.parametrize(
    "program",
    [
        "sfdisk",
        "mkfs.vfat",
        "modprobe",
        "zpool create",
        "zfs create",
        "zfs mount",
        "mount -t zfs",
        "unsquashfs",
        "mount --bind",
        "chroot /target useradd",
        "chroot /target chpasswd",
        "systemctl",
        "chroot /target /bin/sh",
        "mount -t vfat",
        "umount --recursive",
        "zpool export",
        "grub-install",
    ],
)
def test_a_failing_program_is_told_in_one_line(world: World, program: str) -> None:
    world.answers[program] = (3, "the reason\n")
    with pytest.raises(InstallError) as caught:
        world.install()
    assert "the reason" in str(caught.value)
    assert "\n" not in str(caught.value)
    if program == "grub-install":
        assert not any((esp_dir / "EFI/BOOT/BOOTX64.EFI").exists() for esp_dir in world.esps)
    else:
        assert not world.bootable()


def test_a_failing_post_names_its_line(world: World) -> None:
    world.answers["chroot /target /bin/sh"] = (7, "no such host\n")
    with pytest.raises(InstallError, match=r"ks\.cfg:14: %post failed with exit code 7: no such host"):
        world.install()


def test_a_failing_post_without_erroronfail_is_logged_only(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    (script,) = world.plan.kickstart.scripts
    ks = replace(world.plan.kickstart, scripts=(replace(script, error_on_fail=False),))
    world.plan = replace(world.plan, kickstart=ks)
    world.answers["chroot /target /bin/sh"] = (7, "no such host\n")
    world.install()
    assert any("%post failed with exit code 7" in message for message in caplog.messages)


@pytest.mark.parametrize("damage", ["content", "sums", "no sums", "no file", "empty sums"])
def test_a_damaged_medium_is_refused_before_any_disk_is_touched(world: World, damage: str) -> None:
    live = world.root / "medium/live"
    if damage == "content":
        (live / "edgelinux.squashfs").write_bytes(b"squish" * 1000)
    elif damage == "sums":
        (live / "SHA512SUMS").write_text(f"{'0' * 128}  edgelinux.squashfs\n")
    elif damage == "empty sums":
        (live / "SHA512SUMS").write_text("")
    else:
        (live / ("SHA512SUMS" if damage == "no sums" else "edgelinux.squashfs")).unlink()
    before = [Path(disk.path).stat().st_mtime_ns for disk in world.plan.disks]
    with pytest.raises(InstallError, match="Checking the medium"):
        world.install()
    assert set(world.ran) <= {"modprobe zfs"}
    assert [Path(disk.path).stat().st_mtime_ns for disk in world.plan.disks] == before


def test_an_imported_pool_of_our_name_is_refused_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medium, "_ZFS_MODULE", world.root)
    world.answers["zpool list"] = (0, "antlets\n")
    with pytest.raises(InstallError, match="a pool called antlets is imported"):
        world.install()
    assert world.ran == ["zpool list -H -o name"]


def test_a_defect_of_ours_is_one_line_for_people_and_whole_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(_ctx: Context) -> None:
        raise KeyError("oops")

    with pytest.raises(InstallError, match="Erasing the disks: unexpected KeyError: 'oops'"):
        world.install((STEPS[0], replace(STEPS[1], run=defect), *STEPS[2:]))
    assert any(record.exc_info for record in caplog.records)


def test_closing_is_patient(world: World) -> None:
    calls: list[str] = []
    original: Callable[..., Any] = world.run

    def busy_once(argv: list[str], **options: Any) -> Any:
        calls.append(argv[0])
        if argv[0] == "umount" and "--recursive" in argv and calls.count("umount") == 3:
            return subprocess.CompletedProcess(argv, 32, "", "target is busy")
        return original(argv, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgelinux_hostd.run.subprocess.run", busy_once)
        world.install()
    assert world.bootable()


# A disk that goes away


class _Child:
    """A program that a step waits for."""

    def __init__(self) -> None:
        self.killed = threading.Event()

    def kill(self) -> None:
        self.killed.set()


def _status(world: World, state: str) -> str:
    """What `zpool status -P` says once a member of the pool is in a state."""
    create = world.ran[world.index("zpool create")].split()
    members = ((create[-2], "ONLINE"), (create[-1], state))
    return "  pool: antlets\n state: DEGRADED\n" + "".join(
        f"\t  {name}  {is_}  0 0 0\n" for name, is_ in members
    )


def test_a_disk_pulled_out_while_unpacking_ends_the_unpacking(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = _Child()

    def unpack(ctx: Context) -> None:
        ctx.children.append(child)  # type: ignore[arg-type]
        Path(world.plan.disks[1].path).unlink()
        assert child.killed.wait(60)
        raise EdgeLinuxError("killed")

    world.answers["zpool list -H -o name"] = (0, "antlets\n")
    number = next(number for number, step in enumerate(STEPS) if step.name == "Writing the system")
    with pytest.raises(InstallError) as caught:
        world.install((*STEPS[:number], replace(STEPS[number], run=unpack), *STEPS[number + 1 :]))
    lost = f"disk {world.plan.disks[1].path} disappeared while writing the system"
    assert str(caught.value) == lost
    assert world.said[-1] == f"{lost}; stopping"
    assert world.ran[-2:] == ["umount --recursive /target", "zpool export -f antlets"]
    assert not world.bootable()


def test_a_step_that_hangs_on_the_lost_disk_is_left_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def hang(ctx: Context) -> None:
        Path(world.plan.disks[0].path).unlink()
        gate.wait()

    monkeypatch.setattr(install_module, "_GRACE_SECONDS", 0.05)
    with pytest.raises(InstallError, match="disappeared while creating the datasets"):
        world.install((*STEPS[:4], replace(STEPS[4], run=hang), *STEPS[5:]))
    assert install_module.left_behind()
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("step: "):
            thread.join()
    assert not install_module.left_behind()
    assert not world.bootable()


def test_closing_the_pool_may_hang_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(install_module, "_CLEANING_SECONDS", 0.05)
    monkeypatch.setattr("edgelinux_installer.install.halfmade.put_away", lambda run_dir, target: gate.wait())

    def lose(_ctx: Context) -> None:
        Path(world.plan.disks[0].path).unlink()
        raise EdgeLinuxError("input/output error")

    with pytest.raises(InstallError, match="disappeared while naming the host"):
        world.install((*STEPS[:7], replace(STEPS[7], run=lose), *STEPS[8:]))
    gate.set()


def test_a_disk_lost_between_steps(world: World) -> None:
    def last_write(ctx: Context) -> None:
        STEPS[7].run(ctx)
        Path(world.plan.disks[0].path).unlink()

    with pytest.raises(InstallError, match="disappeared while "):
        world.install((*STEPS[:7], replace(STEPS[7], run=last_write), *STEPS[8:]))
    assert not world.bootable()


@pytest.mark.parametrize(
    ("state", "what"), [("REMOVED", "disappeared"), ("FAULTED", r"failed \(its state is FAULTED\)")]
)
def test_a_pool_that_is_not_whole_is_never_made_bootable(world: World, state: str, what: str) -> None:
    """Its disk is there, or there again, but the pool has given it up."""

    def create(ctx: Context) -> None:
        STEPS[3].run(ctx)
        world.answers["zpool status -P antlets"] = (0, _status(world, state))

    with pytest.raises(InstallError, match=f"{world.plan.disks[1].path} {what} while closing the pool"):
        world.install((*STEPS[:3], replace(STEPS[3], run=create), *STEPS[4:]))
    assert not world.bootable()


def test_a_failing_program_is_not_the_reason_when_a_disk_is_lost(world: World) -> None:
    def create(ctx: Context) -> None:
        STEPS[3].run(ctx)
        world.answers["zpool status -P antlets"] = (0, _status(world, "UNAVAIL"))
        world.answers["unsquashfs"] = (1, "Write failed because Input/output error\n")

    with pytest.raises(InstallError) as caught:
        world.install((*STEPS[:3], replace(STEPS[3], run=create), *STEPS[4:]))
    assert str(caught.value) == f"disk {world.plan.disks[1].path} disappeared while writing the system"


def test_a_disk_lost_while_made_bootable_leaves_no_boot_loader(world: World) -> None:
    def bootable(ctx: Context) -> None:
        STEPS[-1].run(ctx)
        Path(world.plan.disks[1].path).unlink()
        raise EdgeLinuxError("input/output error")

    with pytest.raises(InstallError, match="disappeared while making the disks bootable"):
        world.install((*STEPS[:-1], replace(STEPS[-1], run=bootable)))
    assert not any((esp_dir / "EFI/BOOT/BOOTX64.EFI").exists() for esp_dir in world.esps)


def test_the_pool_waits_for_its_disks_only_once_it_is_a_hosts(world: World) -> None:
    world.install()
    assert "failmode=continue" in world.ran[world.index("zpool create")]
    assert world.index("zpool set failmode=wait antlets") < world.index("zpool export")


# What other kickstarts do


def install_with(world: World, machine: Machine, image: ImageInfo, *lines: str) -> None:
    text = "\n".join(["clearpart --all", *lines, ""])
    disks = replace(machine, disks=world.plan.disks)
    world.plan = make_plan(read_kickstart(text, "ks.cfg"), disks, image)
    world.install()


def test_pre_install_scripts_run_before_the_system_is_written(
    world: World, machine: Machine, image: ImageInfo
) -> None:
    install_with(world, machine, image, "%pre-install --interpreter=/bin/true", "x", "%end")
    assert world.index("zfs mount") < world.index("/bin/true") < world.index("unsquashfs")


def test_the_installed_menu_waits_as_long_as_the_kickstart_says(
    world: World, machine: Machine, image: ImageInfo
) -> None:
    install_with(world, machine, image, "bootloader --timeout=11")
    assert bootconfig.load(world.target).timeout == 11
    for esp_dir in world.esps:
        assert "set timeout=11\n" in (esp_dir / "edgelinux/grub.cfg").read_text()


def test_groups_come_before_users(world: World, machine: Machine, image: ImageInfo) -> None:
    install_with(
        world,
        machine,
        image,
        "group --name=a --gid=1500",
        "group --name=b",
        "user --name=u --gid=1500 --groups=b",
    )
    expected = [
        "chroot /target groupadd --force --gid 1500 a",
        "chroot /target groupadd --force b",
        "chroot /target useradd --create-home --shell /bin/bash --gid 1500 --groups b u",
    ]
    assert [line for line in world.ran if "groupadd --force" in line or "useradd" in line][:2] == expected[:2]
    assert expected[2] in world.ran
    assert "chroot /target groupadd --gid 1500 u" not in world.ran


def test_the_firewall_of_a_kickstart(world: World, machine: Machine, image: ImageInfo) -> None:
    install_with(world, machine, image, "firewall --remove-service=ssh --http --trust=ens3")
    text = (world.target / "etc/edgelinux/firewall.nft").read_text()
    assert "dport 22 " not in text
    assert "tcp dport 80 accept" in text
    assert 'iifname "ens3" accept' in text


@pytest.mark.parametrize("mode", ["enforcing", "permissive", "disabled"])
def test_selinux_on_a_base_that_has_it(world: World, machine: Machine, image: ImageInfo, mode: str) -> None:
    config = world.target / "etc/selinux/config"
    config.parent.mkdir(parents=True)
    config.write_text("# SELINUX= can take one of these\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
    contexts = config.parent / "targeted/contexts/files/file_contexts"
    contexts.parent.mkdir(parents=True)
    contexts.touch()
    install_with(world, machine, image.model_copy(update={"selinux": True}), f"selinux --{mode}")
    assert config.read_text() == f"# SELINUX= can take one of these\nSELINUXTYPE=targeted\nSELINUX={mode}\n"
    [labelled] = [number for number, line in enumerate(world.ran) if line.startswith("setfiles ")]
    assert world.ran[labelled].endswith(
        "-e /target/antlets -e /target/dev -e /target/proc -e /target/run -e /target/sys "
        "-r /target /target/etc/selinux/targeted/contexts/files/file_contexts /target"
    )
    # Nothing is written to the new system after that.
    later = [line for line in world.ran[labelled + 1 :] if "/target" in line or line.startswith("zfs")]
    assert later == ["umount --recursive /target"]


def test_a_base_without_selinux_is_not_labelled(world: World) -> None:
    world.install()
    assert not [line for line in world.ran if line.startswith("setfiles ")]


def put_templates(world: World) -> Path:
    """A medium with a template of each kind."""
    medium_dir = world.root / "medium"
    found: dict[str, str] = {}
    for name, kind, content in (("box.lxc", "lxc", "root.tar.zst"), ("tiny", "kvm", "disk.raw.zst")):
        folder = medium_dir / "templates" / name
        folder.mkdir(parents=True)
        (folder / "template.yaml").write_text(f"name: {name}\nkind: {kind}\nversion: '1'\n")
        (folder / "antlet.xml.j2").write_text("<domain/>")
        (folder / content).write_bytes(b"packed")
        found |= {
            str(path.relative_to(medium_dir)): hashlib.sha512(path.read_bytes()).hexdigest()
            for path in folder.iterdir()
        }
    lines = [f"{digest}  {name}\n" for name, digest in found.items()]
    (medium_dir / "SHA512SUMS").write_text("".join(lines))
    return medium_dir / "templates"


def test_the_templates_of_the_medium_go_onto_the_pool(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = put_templates(world)
    asked: list[object] = []

    def install_shipped(storage: object, pool: str, found: Path, progress: Callable[[str], None]) -> None:
        asked.extend([type(storage).__name__, pool, found])
        world.ran.append("templates")
        progress("box.lxc")
        progress("tiny")

    monkeypatch.setattr(templates, "install_shipped", install_shipped)
    world.install()
    assert asked == ["ZfsStorage", "antlets", directory]
    assert world.index("unsquashfs") < world.index("templates") < world.index(CLOSED)
    assert any("Installing the antlet templates: 50%" in line for line in world.said)


def test_a_medium_without_templates_installs(world: World) -> None:
    world.install()
    assert any("Installing the antlet templates" in line for line in world.said)
    assert not any("antlets/TEMPLATES/" in line for line in world.ran)


def test_a_damaged_template_stops_before_a_disk_is_touched(world: World) -> None:
    (put_templates(world) / "box.lxc/root.tar.zst").write_bytes(b"packe?")
    with pytest.raises(InstallError, match=r"templates/box\.lxc/root\.tar\.zst is damaged; no disk"):
        world.install()
    assert not any(line.startswith("sfdisk") for line in world.ran)


def test_a_missing_list_of_checksums_stops_before_a_disk_is_touched(world: World) -> None:
    (put_templates(world).parent / "SHA512SUMS").unlink()
    with pytest.raises(InstallError, match="SHA512SUMS cannot be read"):
        world.install()
    assert not any(line.startswith("sfdisk") for line in world.ran)
