"""`--repo` of the commands that build: repositories of the base that is named, taken from elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from edgelinux_build import build_cli, lock_cli, reproduce, template_cli
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.cli_runner import edgelinux
from tests.unit.build.fakes import BASE

COMMANDS = (["build"], ["lock"], ["template", "build", "box"], ["reproduce", "both"], ["check"])
VARIABLE = "EDGELINUX_REPO_ONE_EXTRA"

MIRRORS = """\
mirrors:
  kind: repositories
  probe: repodata/repomd.xml
  archive_env: ARCHIVE
  repositories:
    - {id: one-extra, url: "http://one.example/os", keys: [key]}
  keys:
    key: {file: key.asc, fingerprint: 0123456789ABCDEF0123456789ABCDEF01234567, source: the tests}
"""


@pytest.fixture(autouse=True)
def surroundings(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, end = BASE.index("mirrors:"), BASE.index("modules:")
    (repository / "images/bases/base-1.yaml").write_text(BASE[:start] + MIRRORS + BASE[end:])
    # An empty variable is none; what --repo sets is gone after the test.
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setenv("EDGELINUX_ROOT", str(repository))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("EDGELINUX_DEBUG", raising=False)
    monkeypatch.setattr("edgelinux_build.rights.os.geteuid", lambda: 0)
    monkeypatch.setattr(template_cli, "load_template", lambda root, name: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one").mkdir()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where the repository is when something that depends on it begins, which is then given up."""
    found: list[str] = []

    def stop(*arguments: object, **options: object) -> None:
        found.append(os.environ[VARIABLE])
        raise EdgeLinuxError("stopped", exit_code=99)

    for module in (build_cli, lock_cli, template_cli):
        monkeypatch.setattr(module, "load_project", stop)
    monkeypatch.setattr(reproduce, "_copy_sources", lambda *arguments: None)
    monkeypatch.setattr(reproduce, "_build", stop)
    monkeypatch.setattr("edgelinux_build.check_cli.choose_base", stop)
    return found


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_directory_is_taken_wherever_the_command_goes_on(
    command: list[str], taken: list[str], tmp_path: Path
) -> None:
    assert edgelinux(*command, "--base", "base-1", "--repo", "one-extra=one") == 99
    assert taken == [str(tmp_path / "one")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--repo", "one-extra=one"],
            "edgelinux: --repo needs --base (it names repositories of that base)\n",
        ),
        (
            ["--base", "base-1", "--repo", "two=one"],
            "edgelinux: Base 1 has no repository 'two' (known: one-extra)\n",
        ),
    ],
    ids=["no base", "unknown"],
)
def test_what_cannot_be_taken_is_said_before_anything_is_done(
    command: list[str],
    arguments: list[str],
    said: str,
    taken: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert edgelinux(*command, *arguments) == 2
    assert capsys.readouterr().err == said
    assert taken == []
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize("command", [["lock"], ["reproduce", "both"]], ids=lambda command: command[0])
def test_root_gets_the_option_again_and_the_variable_with_it(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*command, "--base", "base-1", "--repo", "one-extra=one"]
    monkeypatch.setattr("edgelinux_build.rights.os.geteuid", lambda: 1000)
    monkeypatch.setattr("edgelinux_build.rights.shutil.which", lambda name: None)
    monkeypatch.setattr("sys.argv", ["edgelinux", *arguments])
    assert edgelinux(*arguments) == 3
    said = capsys.readouterr().err
    assert f",{VARIABLE}" in said
    assert f"{' '.join(arguments)}\n" in said


def test_both_builds_of_a_comparison_have_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []
    monkeypatch.setattr(reproduce, "_copy_sources", lambda *arguments: None)
    monkeypatch.setattr(reproduce, "artefacts", lambda where: {})

    def build(*arguments: object) -> float:
        built.append(arguments[-1])
        return 1.0

    monkeypatch.setattr(reproduce, "_build", build)
    assert edgelinux("reproduce", "both", "--locked", "--base", "base-1") == 0
    assert built == [["--base", "base-1", "--locked"]] * 2
