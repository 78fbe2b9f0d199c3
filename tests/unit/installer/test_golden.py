"""Kickstart and recorded hardware → the resolved plan, or the exact error. Each case is a folder of golden/.

After a change that is meant: `UPDATE_GOLDEN=1 pytest tests/unit/installer/test_golden.py`, and read the diff.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.image import ImageInfo
from edgelinux_installer import hardware
from edgelinux_installer.kickstart import read_kickstart
from edgelinux_installer.plan import InstallPlan, make_plan
from edgelinux_installer.selection import describe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.installer.strategies import kickstart_lines, unreachable

CASES = sorted(path.parent for path in Path(__file__).parent.glob("golden/*/ks.cfg"))


def plan_of(case: Path, image: ImageInfo) -> InstallPlan:
    def get(where: str) -> str:
        try:
            return (case / where).read_text(encoding="utf-8")
        except OSError as error:
            raise EdgeLinuxError(f"{where}: {error.strerror}") from error

    ks = read_kickstart((case / "ks.cfg").read_text(encoding="utf-8"), "ks.cfg", get=get)
    return make_plan(ks, hardware.machine(hardware.load(case / "hardware.json")), image)


def shown(plan: InstallPlan) -> dict[str, Any]:
    """The plan without the image, which is no matter of kickstart or hardware, and without empty values."""
    data = plan.as_dict()
    del data["image"], data["kickstart"]["networks"]
    data["disks"] = [
        {"disk": describe(disk), "erased": disk.contents, "sector": disk.logical_sector}
        for disk in plan.disks
    ]
    data["layout"] = plan.layout
    loaded: dict[str, Any] = json.loads(json.dumps(data), object_pairs_hook=filled)
    return loaded


def filled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in pairs if value or value is False}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_golden(case: Path, image: ImageInfo) -> None:
    try:
        found, error = shown(plan_of(case, image)), ""
    except EdgeLinuxError as refusal:
        found, error = {}, f"{refusal}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        text = error or json.dumps(found, indent=1) + "\n"
        (case / ("error.txt" if error else "plan.json")).write_text(text, encoding="utf-8")
        (case / ("plan.json" if error else "error.txt")).unlink(missing_ok=True)
    if (case / "error.txt").exists():
        assert error == (case / "error.txt").read_text(encoding="utf-8")
    else:
        assert error == ""
        assert found == json.loads((case / "plan.json").read_text(encoding="utf-8"))


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(kickstart_lines(), max_size=6), st.sampled_from(CASES))
def test_no_kickstart_crashes_the_plan(image: ImageInfo, lines: list[str], case: Path) -> None:
    machine = hardware.machine(hardware.load(case / "hardware.json"))
    with contextlib.suppress(EdgeLinuxError):
        make_plan(read_kickstart("\n".join(lines), "ks.cfg", get=unreachable), machine, image)


def test_there_are_both_kinds() -> None:
    assert sum((case / "plan.json").exists() for case in CASES) >= 12
    assert sum((case / "error.txt").exists() for case in CASES) >= 12


def test_a_recorded_machine_reads_as_it_was_recorded() -> None:
    for case in CASES:
        recorded = hardware.load(case / "hardware.json")
        assert hardware.Hardware.model_validate_json(recorded.model_dump_json()) == recorded
