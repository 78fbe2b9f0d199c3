from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from edgelinux_build.kickstart_cli import kickstart
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.installer.refusals import REFUSALS

GOLDEN = Path(__file__).parents[1] / "installer/golden"


def test_render_to_standard_output_and_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("hostname: edge9\n")
    shown = CliRunner().invoke(kickstart, ["render", "--site", f"{tmp_path}/site.yaml"])
    assert shown.exit_code == 0
    assert "network --hostname=edge9\n" in shown.output
    written = CliRunner().invoke(
        kickstart, ["render", "--site", f"{tmp_path}/site.yaml", "--out", f"{tmp_path}/ks.cfg"]
    )
    assert written.exit_code == 0
    assert (tmp_path / "ks.cfg").read_text() == shown.output
    assert (tmp_path / "ks.cfg").stat().st_mode & 0o777 == 0o600


def test_what_is_rendered_passes_the_check(tmp_path: Path) -> None:
    CliRunner().invoke(kickstart, ["render", "--out", f"{tmp_path}/ks.cfg"])
    result = CliRunner().invoke(kickstart, ["check", f"{tmp_path}/ks.cfg"])
    assert result.exit_code == 0
    assert "would be accepted: mirror of 2 disks, refuses disks that hold data, then reboot" in result.output


def test_check_tells_each_file_and_fails_if_one_does(tmp_path: Path) -> None:
    (tmp_path / "good.ks").write_text("reboot\n")
    (tmp_path / "bad.ks").write_text("text\npart /\n")
    (tmp_path / "odd.ks").write_bytes(b"\xff")
    files = [f"{tmp_path}/{name}.ks" for name in ("good", "bad", "odd", "none")]
    result = CliRunner().invoke(kickstart, ["check", *files])
    assert result.exit_code == 2
    assert "bad.ks:2: part is not supported" in result.output
    assert "odd.ks: is not UTF-8 text" in result.output
    assert "none.ks: cannot be read: No such file" in result.output
    listed = CliRunner().invoke(kickstart, ["check", "--format", "json", *files])
    assert listed.exit_code == 2
    assert [entry["ok"] for entry in json.loads(listed.output)] == [True, False, False, False]


def test_errors_are_ours(tmp_path: Path) -> None:
    result = CliRunner().invoke(kickstart, ["render", "--site", f"{tmp_path}/none.yaml"])
    assert isinstance(result.exception, EdgeLinuxError)
    result = CliRunner().invoke(kickstart, ["render", "--out", f"{tmp_path}/none/ks.cfg"])
    assert isinstance(result.exception, EdgeLinuxError)


@pytest.mark.parametrize(("text", "line", "message"), REFUSALS)
def test_check_refuses_what_the_installer_refuses(tmp_path: Path, text: str, line: int, message: str) -> None:
    file = tmp_path / "ks.cfg"
    file.write_text(text)
    result = CliRunner().invoke(kickstart, ["check", str(file)])
    if message:
        assert result.exit_code == 2
        assert result.output.startswith(f"{file}:{line}: ")
        assert message in result.output
    else:
        assert result.exit_code == 0


def test_check_tells_what_has_no_effect(tmp_path: Path) -> None:
    file = tmp_path / "ks.cfg"
    file.write_text("graphical\nautopart --nohome\nclearpart --linux\n")
    result = CliRunner().invoke(kickstart, ["check", str(file)])
    assert result.exit_code == 0
    assert f"\n  note: {file}:1: graphical has no effect: there is no graphical installer" in result.output
    assert f"\n  note: {file}:2: autopart --nohome has no effect" in result.output
    assert (
        "mirror of the selected disks, erases disks that hold nothing but Linux, then reboot" in result.output
    )
    listed = json.loads(CliRunner().invoke(kickstart, ["check", "--format", "json", str(file)]).output)
    assert len(listed[0]["notices"]) == 2


def test_check_refuses_selinux_on_a_base_without_it(tmp_path: Path) -> None:
    file, options = tmp_path / "ks.cfg", ["--base", "debian-13"]
    file.write_text("text\nselinux --enforcing\n")
    result = CliRunner().invoke(kickstart, ["check", *options, str(file)])
    assert result.exit_code == 2
    assert f"{file}:2: selinux --enforcing: Debian 13 has no SELinux (selinux --disabled, or" in result.output
    file.write_text("selinux --disabled\n")
    assert CliRunner().invoke(kickstart, ["check", *options, str(file)]).exit_code == 0


@pytest.mark.parametrize("options", [[], ["--base", "centos-stream-10"]])
def test_check_takes_selinux_on_a_base_with_it(tmp_path: Path, options: list[str]) -> None:
    """Without a base named, one of those that may be taken is enough."""
    file = tmp_path / "ks.cfg"
    file.write_text("text\nselinux --enforcing\n")
    result = CliRunner().invoke(kickstart, ["check", *options, str(file)])
    assert result.exit_code == 0, result.output


def test_check_reads_included_files(tmp_path: Path) -> None:
    (tmp_path / "ks.cfg").write_text("%include more.ks\n")
    (tmp_path / "more.ks").write_text("text\npart /\n")
    result = CliRunner().invoke(kickstart, ["check", f"{tmp_path}/ks.cfg"])
    assert f"{tmp_path}/more.ks:2: part is not supported" in result.output


def disks(case: str, *options: str) -> Result:
    files = [f"{GOLDEN / case}/ks.cfg", "--hardware", f"{GOLDEN / case}/hardware.json"]
    return CliRunner().invoke(kickstart, ["disks", *files, *options])


def test_disks_that_a_kickstart_takes() -> None:
    result = disks("usb-medium")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "leave  /dev/sda 28.9 GiB Cruzer Blade 4C530001220528100484: holds the live medium",
        "take   /dev/sdb 447.1 GiB INTEL SSDSC2KB480G8 PHYF01230041480BGN: "
        "erases gpt, vfat on sdb1, ext4 root on sdb2",
        "take   /dev/sdc 447.1 GiB INTEL SSDSC2KB480G8 PHYF01230042480BGN: blank",
    ]


def test_disks_as_json_with_the_reason_of_each() -> None:
    listed = json.loads(disks("fails-too-few", "--format", "json").output)
    assert listed["error"].endswith("on USB, and not named in the kickstart")
    assert {row["path"]: (row["taken"], row["reason"]) for row in listed["disks"]} == {
        "/dev/sda": (False, "holds the live medium"),
        "/dev/sdb": (False, "would be taken, but see the error"),
        "/dev/sdc": (False, "would be taken, but see the error"),
        "/dev/sdd": (False, "too small, 4.0 of 8 GiB"),
        "/dev/sde": (False, "on USB, and not named in the kickstart"),
    }


def test_disks_that_the_firmware_does_not_start_from() -> None:
    result = disks("fails-bios-and-4096-bytes")
    assert result.exit_code == 2
    assert "BIOS does not start from /dev/vdb: its sectors have 4096 bytes" in result.output


def test_a_kickstart_that_takes_no_disks_is_an_error() -> None:
    result = disks("fails-existing-pool")
    assert result.exit_code == 2
    assert "belongs to an existing pool antlets (GUID 1234567890123456789)" in result.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not recorded hardware: "),
        ("{}", "not recorded hardware: format: Field required"),
        ('{"format": 2, "disks": {"lsblk": {}}}', "not recorded hardware: format: Input should be 1"),
        ('{"format": 1, "disks": {"lsblk": {}}}', "cannot read the list of disks that lsblk gave"),
        (None, "cannot read "),
    ],
)
def test_a_file_that_is_no_recorded_hardware(tmp_path: Path, content: str | None, message: str) -> None:
    (tmp_path / "ks.cfg").write_text("reboot\n")
    if content is not None:
        (tmp_path / "hardware.json").write_text(content)
    files = [f"{tmp_path}/ks.cfg", "--hardware", f"{tmp_path}/hardware.json"]
    result = CliRunner().invoke(kickstart, ["disks", *files])
    assert isinstance(result.exception, EdgeLinuxError)
    assert message in str(result.exception)


def test_the_page_of_commands_can_be_written(tmp_path: Path) -> None:
    assert CliRunner().invoke(kickstart, ["documentation", "--out", f"{tmp_path}/page.md"]).exit_code == 0
    assert (tmp_path / "page.md").read_text().startswith("<!-- Made by")


@pytest.mark.parametrize("command", ["render", "check", "disks"])
def test_help(command: str) -> None:
    assert CliRunner().invoke(kickstart, [command, "--help"]).exit_code == 0
