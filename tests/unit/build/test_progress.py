from __future__ import annotations

import io

import pytest
from edgelinux_build import progress
from edgelinux_build.progress import PlainReporter, RichReporter, make_reporter
from rich.console import Console


def tell(reporter: progress.Reporter) -> None:
    reporter.note("base: Base 1 [not markup]")
    reporter.begin("root-tree", "never built before")
    reporter.detail("root-tree", "packages from here")
    reporter.lines(["cc: error: [x]"])
    reporter.end("root-tree", 61.25, ok=False)
    reporter.close()


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    tell(PlainReporter())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "base: Base 1 [not markup]",
        "root-tree: runs: never built before",
        "root-tree: packages from here",
        "    cc: error: [x]",
        "root-tree: failed after 61.2 s",
    ]


def test_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()

    def console(**options: object) -> Console:
        return Console(file=output, force_terminal=True, width=80, highlight=False)

    monkeypatch.setattr(progress, "Console", console)
    reporter = make_reporter()
    assert isinstance(reporter, RichReporter)
    tell(reporter)
    text = output.getvalue()
    assert "base: Base 1 [not markup]" in text
    assert "cc: error: [x]" in text
    assert "root-tree" in text
    assert "61.2 s" in text


def test_no_terminal() -> None:
    assert isinstance(make_reporter(), PlainReporter)
