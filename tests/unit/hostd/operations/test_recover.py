"""Recovery looks before it takes: what is refused, or only tried, leaves a foreign pool as it was."""

from __future__ import annotations

import pytest
from edgelinux_hostd.jobs.model import Abandoned, JobState
from edgelinux_hostd.operations import params as p

from tests.unit.hostd.operations.conftest import Hostd

FOREIGN = "antlets-00004d"


def test_a_dry_run_leaves_the_pool_as_it_was(hostd: Hostd) -> None:
    before = hostd.world.picture()
    job = hostd.run("recover", p.Recover(dry_run=True))
    assert job.state is JobState.DONE
    assert job.result["antlets"] == ["lost1"]
    assert job.result["pools"] == [f"pool antlets (4711) is imported as {FOREIGN}"]
    assert hostd.world.brought_in == set()
    assert hostd.world.picture() == before


def test_what_is_refused_leaves_the_pool_as_it_was(hostd: Hostd) -> None:
    wanted = p.CreateAntlet(name="web1", template="debian-13.lxc", number=77)
    assert hostd.run("create-antlet", wanted).state is JobState.DONE
    before = hostd.world.picture()
    job = hostd.run("recover", p.Recover())
    assert (job.state, job.exit_code, job.unsettled) == (JobState.FAILED, 5, False)
    assert job.items == (f"{FOREIGN}/lost1: number 77 is that of antlets/web1",)
    assert hostd.world.brought_in == set()
    assert hostd.world.picture() == before
    job = hostd.run("recover", p.Recover(renumber=True))
    assert (job.state, job.result["antlets"]) == (JobState.DONE, ["lost1"])
    assert hostd.world.brought_in == {FOREIGN}


def test_the_host_is_started_anew_in_between(hostd: Hostd) -> None:
    """Then the pool is not imported any more, since no boot does that before it is recorded."""
    for step in ("import", "plan"):
        (hostd.faults / "kill-at").write_text(f"recover/{step}/done")
        job = hostd.agent.submit("recover", p.Recover())
        with pytest.raises(Abandoned):
            hostd.engine.work()
        assert not (hostd.faults / "kill-at").exists()
        hostd.world.storage.remove_pool(FOREIGN)
        hostd.start()
        job = hostd.finish(job.id)
        assert (job.state, job.result["antlets"]) == (JobState.DONE, ["lost1"])
        assert [antlet.number for antlet in hostd.agent.antlets()] == [77]
        hostd.world.storage.remove_pool(FOREIGN)
        hostd.world.record.unlink()
