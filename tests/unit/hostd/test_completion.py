"""Shells complete the words of `antlet`, by what the package carries and by what the command prints."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from edgelinux_hostd.cli import antlet
from edgelinux_hostd.completion import SHELLS, completion_script
from edgelinux_hostd.errors import EdgeLinuxError

ROOM = Path(__file__).parents[3] / "hostd"

COMPLETE = """\
source {script}
COMP_WORDS=({words}) COMP_CWORD={number}
_antlet_completion antlet
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with an `antlet` as the package's script is."""
    program = tmp_path / "bin/antlet"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom edgelinux_hostd.cli import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    return f"{program.parent}:/usr/bin:/bin"


def complete(path: str, *words: str) -> list[str]:
    """What bash offers for the last word."""
    text = COMPLETE.format(
        script=ROOM / "completion/antlet.bash", words=" ".join(words), number=len(words) - 1
    )
    done = subprocess.run(
        ["bash", "-e", "-c", text], env={"PATH": path}, check=True, capture_output=True, text=True
    )
    return done.stdout.split()


def test_what_the_package_carries_completes(path: str) -> None:
    assert complete(path, "antlet", "ho") == ["host"]
    assert complete(path, "antlet", "host", "") == ["announce", "boot-sync", "status"]
    assert complete(path, "antlet", "host", "boot-sync", "--ch") == ["--check"]
    assert complete(path, "antlet", "host", "status", "--format", "j") == ["json"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_can_read_its_script(shell: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(antlet, ["completion", shell])
    assert result.exit_code == 0
    assert "_ANTLET_COMPLETE" in result.output
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not on this host")
    (tmp_path / "script").write_text(result.output)
    assert subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True).returncode == 0


def test_other_shells() -> None:
    assert CliRunner().invoke(antlet, ["completion", "csh"]).exit_code == 2
    with pytest.raises(EdgeLinuxError, match="no completion for csh"):
        completion_script(antlet, "antlet", "csh")
