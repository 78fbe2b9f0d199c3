from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from edgelinux_build.kickstart_cli import kickstart
from edgelinux_hostd.errors import EdgeLinuxError


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


@pytest.mark.parametrize("command", ["render", "check"])
def test_help(command: str) -> None:
    assert CliRunner().invoke(kickstart, [command, "--help"]).exit_code == 0
