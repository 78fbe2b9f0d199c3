from __future__ import annotations

import os
from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.jobs.faults import Faults, crash_points
from edgelinux_hostd.jobs.model import Context, JobKind, Step

from .conftest import kind


def nothing(context: Context) -> None:
    pass


CREATE = kind(
    Step("check", nothing),
    Step("clone", nothing, nothing),
    Step("start", nothing, nothing, commits=True),
    Step("tell", nothing, nothing),
)


class Killed(BaseException):
    pass


def kill() -> None:
    raise Killed


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "faults"
    made.mkdir(mode=0o755)
    return made


def faults(directory: Path, owner: int | None = None) -> Faults:
    return Faults(directory, owner=os.getuid() if owner is None else owner, kill=kill)


def test_every_step_has_its_points_and_undone_only_where_it_can_be_undone() -> None:
    other = JobKind("stop", CREATE.params, (Step("stop", nothing),), CREATE.locks, CREATE.title)
    assert crash_points([CREATE, other]) == [
        "create/check/before",
        "create/check/begun",
        "create/check/done",
        "create/clone/before",
        "create/clone/begun",
        "create/clone/done",
        "create/clone/undone",
        "create/start/before",
        "create/start/begun",
        "create/start/done",
        "create/tell/before",
        "create/tell/begun",
        "create/tell/done",
        "stop/stop/before",
        "stop/stop/begun",
        "stop/stop/done",
    ]


def test_it_kills_at_the_named_point_once(directory: Path) -> None:
    (directory / "kill-at").write_text("create/clone/begun\n")
    fault = faults(directory)
    fault.at(CREATE, CREATE.steps[0], "begun")
    fault.at(CREATE, CREATE.steps[1], "before")
    with pytest.raises(Killed):
        fault.at(CREATE, CREATE.steps[1], "begun")
    assert not (directory / "kill-at").exists()
    fault.at(CREATE, CREATE.steps[1], "begun")


def test_it_fails_a_step_after_it_ran(directory: Path) -> None:
    (directory / "fail-at").write_text("create/clone")
    fault = faults(directory)
    fault.at(CREATE, CREATE.steps[1], "before")
    with pytest.raises(EdgeLinuxError, match="step clone was made to fail"):
        fault.at(CREATE, CREATE.steps[1], "begun")


@pytest.mark.parametrize("wrong", ["owner", "writable", "link", "directory link", "none"])
def test_only_root_can_ask_for_it(directory: Path, wrong: str) -> None:
    if wrong == "none":
        directory.rmdir()
    elif wrong == "link":
        (directory / "elsewhere").write_text("create/clone/begun")
        (directory / "kill-at").symlink_to("elsewhere")
    else:
        (directory / "kill-at").write_text("create/clone/begun")
    if wrong == "writable":
        directory.chmod(0o777)
    if wrong == "directory link":
        directory.rename(directory.with_name("real"))
        directory.symlink_to("real")
    owner = os.getuid() + 1 if wrong == "owner" else None
    faults(directory, owner).at(CREATE, CREATE.steps[1], "begun")
