"""How `make test` runs its phases: in their order, but for one that runs beside another."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from tests import run
from tests.run import Phase


def python(text: str) -> tuple[tuple[str, ...], ...]:
    return ((sys.executable, "-c", text),)


def phases(monkeypatch: pytest.MonkeyPatch, *found: Phase) -> None:
    monkeypatch.setattr("tests.run.phases", lambda: found)


def wait(path: Path) -> str:
    """A command that ends when there is a file, or after long."""
    return (
        f"import os,time\nfor _ in range(600):\n time.sleep(0.05)\n if os.path.exists({str(path)!r}): break"
    )


def test_a_phase_runs_beside_another_and_is_shown_in_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    phases(
        monkeypatch,
        Phase("unit", python(f"{wait(made)}\nprint('unit ends')")),
        Phase("build", python(f"open({str(made)!r}, 'w'); print('built')"), beside="unit"),
    )
    assert run.main([]) == 0
    said = capfd.readouterr().out
    assert said.index("unit ends") < said.index("== build") < said.index("built")
    assert said.endswith("all passed\n")


def test_a_phase_that_failed_beside_another_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    phases(
        monkeypatch,
        Phase("unit", python("")),
        Phase("build", python("raise SystemExit('no mirror')"), beside="unit"),
        Phase("tree", python("print('never')")),
    )
    assert run.main([]) == 1
    said = capfd.readouterr().out
    assert "no mirror" in said
    assert "never" not in said
    assert said.endswith("failed: build\n")


def test_it_is_ended_when_the_other_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    begun = tmp_path / "begun"
    begin = f"import os\nopen({str(begun)!r} + '.part', 'w').write(str(os.getpid()))\n"
    begin += f"os.rename({str(begun)!r} + '.part', {str(begun)!r})\n"
    phases(
        monkeypatch,
        Phase("unit", python(f"{wait(begun)}\nraise SystemExit(1)")),
        Phase("build", python(begin + wait(tmp_path / "never")), beside="unit"),
    )
    assert run.main([]) == 1
    assert not psutil.pid_exists(int(begun.read_text()))
    assert capfd.readouterr().out.endswith("failed: unit\n")


def test_alone_it_runs_as_any_other(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    phases(
        monkeypatch,
        Phase("unit", python("print('unit')")),
        Phase("build", python("print('b')"), beside="unit"),
    )
    assert run.main(["build"]) == 0
    assert "== unit" not in capfd.readouterr().out
