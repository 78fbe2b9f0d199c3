"""What a bench's figure says about its limit."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench.report import Figure, Report


def test_a_ratio_is_limited_when_there_is_a_floor() -> None:
    figure = Figure("installing", 52.0, "s", 1.3, 40.0)
    assert figure.ratio == 1.3
    assert figure.kept
    assert figure.row() == ("installing", "52.0 s", "40.0 s", "1.30", "≤ 1.3", "kept")
    assert Figure("installing", 53.0, "s", 1.3, 40.0).row()[-1] == "MISSED"


def test_a_value_is_limited_without_a_floor() -> None:
    assert Figure("size", 451.0, "MB", 450).row() == ("size", "451.0 MB", "", "", "≤ 450 MB", "MISSED")
    assert Figure("boot", 40.0, "s").kept is None


def test_figures_of_an_earlier_run_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "out" / "bench.json"
    Report({"cores": 2}, [Figure("a", 1, "s"), Figure("b", 1, "s")]).write(path)
    Report({"cores": 2}, [Figure("b", 2, "s")]).write(path)
    figures = {figure["name"]: figure["value"] for figure in json.loads(path.read_text())["figures"]}
    assert figures == {"a": 1, "b": 2}
