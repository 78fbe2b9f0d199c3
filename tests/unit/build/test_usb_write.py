"""Sticks that are written: loop devices here, with an ISO that is real but small."""

from __future__ import annotations

import errno
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from edgelinux_build.medium.image import open_iso
from edgelinux_build.medium.inspect import inspect
from edgelinux_build.usb.device import Device, LostError
from edgelinux_build.usb.meter import SilentMeter
from edgelinux_build.usb.write import plan_stick, write_stick
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.cli_runner import edgelinux
from tests.unit.build.fakes import make_project, make_repository
from tests.unit.build.loops import MIB, LoopStick, attached, needs_loops, write_gpt
from tests.unit.build.standin import make_results, make_standin

pytestmark = needs_loops
SIZE = 64 * MIB


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("iso")
    project = make_project(make_repository(folder / "repository"), folder / "out")
    return make_standin(project, make_results(folder / "results"), folder)


@pytest.fixture
def iso(made: Path, tmp_path: Path) -> Path:
    """An ISO that the test may change."""
    return Path(shutil.copy(made, tmp_path))


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[LoopStick]:
    with attached(tmp_path / "stick.img", SIZE) as made:
        yield made


def put(iso: Path, stick: LoopStick, **more: bool) -> None:
    write_stick(plan_stick(iso, stick.device, internal=True), SilentMeter(), **more)


def refused(iso: Path, stick: LoopStick, said: str) -> None:
    """Nothing is written, and it is said why."""
    before = stick.content()
    with pytest.raises(EdgeLinuxError, match=said):
        put(iso, stick)
    assert stick.content() == before


def test_a_stick_has_the_bytes_of_the_iso(iso: Path, stick: LoopStick) -> None:
    put(iso, stick)
    content = iso.read_bytes()
    assert stick.content(0, len(content)) == content
    found = inspect(stick.file)
    assert found.boot_paths.missing == []
    assert found.problems == ()
    assert inspect(stick.device).ok


def test_what_was_at_the_end_of_the_disk_is_gone(iso: Path, stick: LoopStick) -> None:
    write_gpt(stick.file)
    assert stick.content(SIZE - 512, 8) == b"EFI PART"
    stick.put(SIZE - MIB, b"\xff" * (MIB - 33 * 512))
    put(iso, stick)
    assert stick.content(SIZE - MIB) == bytes(MIB)
    found = subprocess.run(["wipefs", "--noheadings", stick.file], check=True, capture_output=True, text=True)
    assert SIZE - 512 not in [int(line.split()[1], 16) for line in found.stdout.splitlines()]


def test_the_kernel_forgets_the_old_partitions(iso: Path, tmp_path: Path) -> None:
    file = tmp_path / "stick.img"
    with partitioned(file) as stick:
        name = stick.device.name
        put(iso, stick)
        names = {path.name for path in Path("/sys/class/block", name).glob(f"{name}p*")}
        # Not every kernel reads a GPT by itself.
        assert names in (set(), {f"{name}p{number}" for number in (1, 2, 3)})


@contextmanager
def partitioned(file: Path) -> Iterator[LoopStick]:
    """A stick with one partition, which the kernel knows."""
    with file.open("wb") as made:
        made.truncate(SIZE)
    write_gpt(file)
    with attached(file, 0, "--partscan") as stick:
        node = Path(f"{stick.device}p1")
        if not node.exists():
            subprocess.run(["partx", "--add", stick.device], check=True)
        assert node.is_block_device()
        yield stick


def test_an_iso_that_just_fits(iso: Path, tmp_path: Path) -> None:
    size = iso.stat().st_size
    with attached(tmp_path / "fits.img", size) as stick:
        put(iso, stick)
        assert stick.content() == iso.read_bytes()
    with attached(tmp_path / "small.img", size - 512) as stick:
        refused(iso, stick, f"too small: it has {size - 512} bytes, {size} are needed")


def test_a_mounted_disk_is_refused(iso: Path, tmp_path: Path) -> None:
    with attached(tmp_path / "stick.img", SIZE) as stick:
        subprocess.run(["mkfs.ext4", "-q", stick.device], check=True)
        with mounted(stick.device, tmp_path / "mnt"):
            refused(iso, stick, f"is not written to: mounted at {tmp_path / 'mnt'} .unmount it")


def test_a_disk_with_a_mounted_partition_is_refused(iso: Path, tmp_path: Path) -> None:
    with partitioned(tmp_path / "stick.img") as stick:
        partition = Path(f"{stick.device}p1")
        subprocess.run(["mkfs.ext4", "-q", partition], check=True)
        with mounted(partition, tmp_path / "mnt"):
            refused(iso, stick, f"mounted at {tmp_path / 'mnt'}")
            # What lsblk does not see, such as a mount in another namespace, the kernel knows of.
            with pytest.raises(EdgeLinuxError, match="is in use: something on this machine has claimed it"):
                Device(stick.device)


@contextmanager
def mounted(device: Path, folder: Path) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", device, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_in_use_is_refused(iso: Path, stick: LoopStick) -> None:
    claimed = os.open(stick.device, os.O_RDONLY | os.O_EXCL)
    try:
        refused(iso, stick, "is not written to: claimed by the kernel")
    finally:
        os.close(claimed)


def test_a_disk_that_is_claimed_after_the_plan_is_refused(iso: Path, stick: LoopStick) -> None:
    plan = plan_stick(iso, stick.device, internal=True)
    claimed = os.open(stick.device, os.O_RDONLY | os.O_EXCL)
    try:
        with pytest.raises(EdgeLinuxError, match="claimed"):
            write_stick(plan, SilentMeter())
    finally:
        os.close(claimed)
    assert stick.content() == bytes(SIZE)


def test_a_disk_that_is_another_one_by_now_is_refused(iso: Path, tmp_path: Path) -> None:
    with attached(tmp_path / "stick.img", SIZE) as stick:
        plan = plan_stick(iso, stick.device, internal=True)
        with stick.file.open("r+b") as file:
            file.truncate(2 * SIZE)
        subprocess.run(["losetup", "--set-capacity", stick.device], check=True)
        with pytest.raises(EdgeLinuxError, match="is another disk than a moment ago"):
            write_stick(plan, SilentMeter())
        assert stick.content() == bytes(2 * SIZE)


def test_a_disk_that_is_not_removable_is_refused_unless_told(iso: Path, stick: LoopStick) -> None:
    with pytest.raises(EdgeLinuxError, match=r"is not removable.*--internal"):
        plan_stick(iso, stick.device)
    assert plan_stick(iso, stick.device, internal=True).target.internal


def test_the_disk_of_the_running_system_is_refused(iso: Path) -> None:
    source = subprocess.run(["findmnt", "-no", "SOURCE", "/"], check=True, capture_output=True, text=True)
    device = Path(source.stdout.strip().partition("[")[0])
    if not device.is_block_device():
        pytest.skip("the root file system of this machine is on no block device")
    name = subprocess.run(["lsblk", "-no", "PKNAME", device], capture_output=True, text=True).stdout.strip()
    with pytest.raises(EdgeLinuxError, match="is not written to: the running system is on it"):
        plan_stick(iso, Path("/dev", name.splitlines()[0]) if name else device, internal=True)


def test_sectors_that_no_firmware_would_start_from(iso: Path, tmp_path: Path) -> None:
    with attached(tmp_path / "stick.img", SIZE, "--sector-size", "4096") as stick:
        refused(iso, stick, "its sectors have 4096 bytes")


def test_an_iso_that_is_cut_off_never_reaches_the_device(
    iso: Path, stick: LoopStick, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.iso"
    cut.write_bytes(iso.read_bytes()[:-70_000])
    assert edgelinux("usb", "write", cut, stick.device, "--yes", "--internal") == 1
    size = iso.stat().st_size
    assert capsys.readouterr().err == (
        f"edgelinux: {cut} is cut off: it has {size - 70_000} of {size} bytes (copy or download it again)\n"
    )
    assert stick.content() == bytes(SIZE)


def test_an_iso_that_is_damaged_never_reaches_the_device(iso: Path, stick: LoopStick, tmp_path: Path) -> None:
    content = bytearray(iso.read_bytes())
    squashfs = open_iso(iso).extents["live/edgelinux.squashfs"]
    content[squashfs.offset + 1000] ^= 1
    bad = tmp_path / "bad.iso"
    bad.write_bytes(content)
    refused(bad, stick, r"bad\.iso is damaged: live/edgelinux\.squashfs is damaged")


def test_what_is_no_iso_and_the_image_of_a_stick(iso: Path, stick: LoopStick, tmp_path: Path) -> None:
    other = tmp_path / "other.iso"
    other.write_bytes(bytes(MIB))
    refused(other, stick, "is not an ISO")
    other.write_bytes(iso.read_bytes() + bytes(MIB))
    refused(other, stick, "is larger than the ISO that it begins with")


def test_a_stick_that_cannot_be_written_any_further(iso: Path, tmp_path: Path) -> None:
    """The file behind the device is on a file system that runs full: the device gives an I/O error."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], check=True)
    try:
        with attached(small / "stick.img", SIZE) as stick:
            with pytest.raises(
                LostError, match=rf"^{stick.device} cannot be written at byte \d+: "
            ) as caught:
                put(iso, stick)
            assert "does not boot: write it again, or take another stick" in str(caught.value)
            assert stick.content(0, MIB) == bytes(MIB)
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("code", [errno.ENODEV, errno.ENXIO])
def test_a_stick_that_is_pulled_out(
    iso: Path, stick: LoopStick, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No loop device can be pulled out: the kernel's answer is put in the place of a write in the middle."""
    whole = os.pwrite

    def pulled(file: int, data: memoryview, offset: int) -> int:
        if offset == MIB:
            raise OSError(code, os.strerror(code))
        return whole(file, data, offset)

    put(iso, stick)
    monkeypatch.setattr("edgelinux_build.usb.device.os.pwrite", pulled)
    with pytest.raises(LostError) as caught:
        put(iso, stick)
    assert str(caught.value) == (
        f"{stick.device} was pulled out while being written, at byte {MIB} "
        "(what is on it does not boot: write it again)"
    )
    # It booted before, and must not do so with half of it.
    monkeypatch.undo()
    assert stick.content(0, MIB) == bytes(MIB)


def test_a_person_who_interrupts_leaves_nothing_that_boots(
    iso: Path, stick: LoopStick, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = os.pwrite

    def interrupted(file: int, data: memoryview, offset: int) -> int:
        if offset == MIB:
            raise KeyboardInterrupt
        return whole(file, data, offset)

    put(iso, stick)
    monkeypatch.setattr("edgelinux_build.usb.device.os.pwrite", interrupted)
    assert edgelinux("usb", "write", iso, stick.device, "--yes", "--internal") == 130
    assert "neither old nor new: write it again" in capsys.readouterr().err
    assert stick.content(0, MIB) == bytes(MIB)


def test_short_writes_are_gone_on_with(iso: Path, stick: LoopStick, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pwrite
    monkeypatch.setattr(
        "edgelinux_build.usb.device.os.pwrite", lambda file, data, offset: whole(file, data[:65536], offset)
    )
    put(iso, stick)
    assert stick.content(0, iso.stat().st_size) == iso.read_bytes()


class Corrupting(SilentMeter):
    """Changes a byte of the stick between writing and reading back."""

    def __init__(self, stick: LoopStick, at: int) -> None:
        self.stick, self.at = stick, at

    def begin(self, what: str, total: int) -> None:
        if what == "Reading back":
            self.stick.put(self.at, bytes([self.stick.content(self.at, 1)[0] ^ 1]))


@pytest.mark.parametrize("at", [0, 12_345, MIB + 77, SIZE - 5])
def test_a_stick_that_does_not_hold_what_was_written(iso: Path, stick: LoopStick, at: int) -> None:
    plan = plan_stick(iso, stick.device, internal=True)
    with pytest.raises(LostError) as caught:
        write_stick(plan, Corrupting(stick, at))
    assert str(caught.value) == (
        f"{stick.device} does not hold what was written: it differs at byte {at} "
        "(the stick is bad, or something else wrote to it: take another one)"
    )
    assert write_stick(plan, SilentMeter(), verify=False).verify_seconds is None


def test_a_stick_that_cannot_be_read_back(
    iso: Path, stick: LoopStick, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: int, into: list[memoryview], offset: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    plan = plan_stick(iso, stick.device, internal=True)
    with monkeypatch.context() as patched:

        class Breaking(SilentMeter):
            def begin(self, what: str, total: int) -> None:
                if what == "Reading back":
                    patched.setattr("edgelinux_build.usb.device.os.preadv", broken)

        with pytest.raises(LostError, match=r"cannot be read back at byte \d+: Input/output error"):
            write_stick(plan, Breaking())


def test_an_iso_that_shrinks_meanwhile(iso: Path, stick: LoopStick) -> None:
    plan = plan_stick(iso, stick.device, internal=True)
    os.truncate(iso, 2 * MIB)
    with pytest.raises(EdgeLinuxError, match="ends early, at byte"):
        write_stick(plan, SilentMeter())
    assert stick.content(0, MIB) == bytes(MIB)


def test_without_a_terminal_it_wants_to_be_told(
    iso: Path, stick: LoopStick, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edgelinux("usb", "write", iso, stick.device, "--internal") == 2
    assert "there is no terminal to ask at (--yes writes without asking)" in capsys.readouterr().err
    assert stick.content() == bytes(SIZE)


@pytest.mark.parametrize(("answer", "code"), [("no", 1), ("y", 1), ("yes", 0)])
def test_a_person_is_asked(iso: Path, stick: LoopStick, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    argv: list[str | Path] = [sys.executable, "-m", "edgelinux_build.cli"]
    argv += ["usb", "write", iso, stick.device, "--internal"]
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(argv, stdin=theirs, capture_output=True, text=True, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stderr
    assert f"{stick.device}: unknown model, serial unknown, 0.1 GB, not removable" in done.stderr
    assert "Type yes to write" in done.stderr
    written = stick.content(0, MIB) != bytes(MIB)
    assert written == (answer == "yes")
    if written:
        assert "Writing: " in done.stderr
        assert "Reading back: " in done.stderr
        assert "read back and compared" in done.stdout
    else:
        assert "Nothing was written." in done.stderr
