"""A job with something in every field."""

from __future__ import annotations

from edgelinux_hostd.jobs.model import Job, JobState, StepState

JOB = Job(
    id="0123456789ab",
    kind="create",
    title="create web1",
    params={"name": "web1", "ssh-keys": ["ed25519 …"]},
    state=JobState.UNDOING,
    steps=(("clone", StepState.DONE), ("mount", StepState.BEGUN)),
    values={"number": 25},
    progress=0.5,
    message="copying",
    error="no space",
    exit_code=5,
    items=("web2",),
    result={"a": [1]},
    created=1.5,
    started=2.5,
    finished=3.5,
    attempts=2,
    cancel=True,
    locks=("antlet/web1",),
    unsettled=True,
    cause="why",
)
