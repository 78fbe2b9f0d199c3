"""Jobs, their crashes, and what antlets notice of hostd's end: nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.antlets import Antlets, eventually
from tests.e2e.crash_scenarios import SCENARIOS
from tests.e2e.crashes import Reference, kinds, reference, run_point

pytestmark = pytest.mark.parametrize("pair", ["uefi"], indirect=True)

# A sample; `make test-long` has all. Before and after the dataset is there, and on both sides of the point of
# no return.
POINTS = (
    "create-antlet/clone/before",
    "create-antlet/clone/begun",
    "create-antlet/commit/before",
    "delete-antlet/mark/begun",
)


# By kind of job: what one that nothing disturbs comes to.
UNDISTURBED: dict[str, Reference] = {}


def pid(antlets: Antlets) -> int:
    """hostd's process; 0 while there is none."""
    return int(antlets.host.check_output("systemctl show --value --property MainPID hostd"))


def starts(antlets: Antlets) -> str:
    """When hostd was last ready."""
    return str(
        antlets.host.check_output("systemctl show --value --property ActiveEnterTimestampMonotonic hostd")
    )


class TestJobs:
    def test_two_commands_at_once(self, antlets: Antlets) -> None:
        """The second is told that the first works on it; the first can be waited for by its number."""
        job = antlets.ask("create", "job1", "--template", "debian-13.lxc", "--no-wait")
        assert not job["final"]
        assert "job1" in antlets.refused(6, "create", "job1", "--template", "debian-13.lxc")
        assert antlets.ask("job", "wait", job["id"])["state"] == "done"
        assert antlets.state("job1") == "Stopped"

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (2, ("create", "--template", "tiny", "--", "-x")),
            (2, ("create", "a@b", "--template", "tiny")),
            (2, ("create", "job2", "--template", "tiny", "--number", "9")),
            (2, ("create", "job2", "--template", "tiny", "--ram", "4000000")),
            (4, ("create", "job2", "--template", "windows")),
            (4, ("start", "nobody")),
            (5, ("create", "job1", "--template", "tiny")),
            (5, ("stop", "job1")),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
    )
    def test_exit_codes(self, antlets: Antlets, code: int, words: tuple[str, ...]) -> None:
        if words[1] == "-x":  # click's own words
            words = (
                (words[0], "--", *words[1:2]) if len(words) < 3 else (words[0], *words[2:], "--", words[1])
            )
        antlets.antlet(*words, code=code)
        assert "job2" not in antlets.all()

    def test_events_tell_of_a_job(self, antlets: Antlets) -> None:
        """As server-sent events, to who listens while it happens."""
        with antlets.events() as told:
            antlets.antlet("start", "job1")
            eventually(
                "the job's event", lambda: any("start job1" in json.dumps(event) for event in told()), 30
            )


class TestHostdEnds:
    @pytest.mark.parametrize("how", ["systemctl restart hostd", "kill -9 {pid}"])
    def test_antlets_run_on(self, antlets: Antlets, web1: str, how: str) -> None:
        init, before, agent = antlets.first_process(web1), starts(antlets), pid(antlets)
        antlets.host.check_output(how.format(pid=agent))
        eventually("hostd", lambda: starts(antlets) != before and pid(antlets) not in (0, agent), 120)
        assert antlets.state(web1) == "Running"
        assert antlets.first_process(web1) == init
        # And is in hostd's hands again.
        antlets.antlet("pause", web1)
        assert antlets.state(web1) == "Paused"
        antlets.antlet("resume", web1)
        assert antlets.state(web1) == "Running"

    @pytest.mark.parametrize("point", POINTS)
    def test_killed_in_a_job(self, antlets: Antlets, point: str) -> None:
        """After the restart the job is finished or undone, and nothing is left of it."""
        kind = point.partition("/")[0]
        assert point in kinds()[kind]
        scenario = next(one for one in SCENARIOS if one.kind == kind)
        if kind not in UNDISTURBED:
            UNDISTURBED[kind] = reference(antlets.host, scenario)
        outcome = run_point(antlets.host, point, scenario, UNDISTURBED[kind])
        antlets.host.run("zfs destroy -r antlets/foreign; nft delete table inet foreign")
        assert not outcome.wrong, "\n".join(outcome.wrong)


class TestRecover:
    def test_a_damaged_antlet(self, antlets: Antlets) -> None:
        """Its specification is written anew from what is known; the damaged one is kept aside."""
        before = antlets.show("job1")
        antlets.antlet("kill", "job1")
        antlets.host.check_output("echo '{name: job1, ram: [' > /antlets/job1/antlet.yaml")
        shown = antlets.show("job1")
        assert (shown["state"], shown["antlet-num"]) == ("Damaged", before["antlet-num"])
        assert "antlet.yaml" in shown["problem"]
        assert antlets.antlet("start", "job1", code=5).stderr
        assert antlets.state("web1") == "Running"

        result = antlets.ask("recover")
        assert result["antlets"] == ["job1"]
        after = antlets.show("job1")
        same = ("dname", "antlet-num", "uuid", "ip", "nics", "template")
        assert {key: after[key] for key in same} == {key: before[key] for key in same}
        assert after["state"] == "Stopped"
        assert antlets.host.file("/antlets/job1/antlet.yaml.damaged").exists

    def test_nothing_else_is_found(self, antlets: Antlets) -> None:
        result: Any = antlets.ask("recover")
        assert (result.get("antlets"), result.get("pools")) == ([], [])
        antlets.antlet("start", "job1")
        antlets.antlet("delete", "job1", "--force")
