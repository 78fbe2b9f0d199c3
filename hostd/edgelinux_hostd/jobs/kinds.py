"""The kinds of jobs there are, and the making and checking of jobs of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from edgelinux_hostd.errors import InvalidError
from edgelinux_hostd.jobs import machine
from edgelinux_hostd.jobs.model import Job, JobKind, JobState, StepState

__all__ = ["Kinds"]


class Kinds:
    """Kinds of jobs by name."""

    def __init__(self, kinds: Iterable[JobKind]) -> None:
        self._kinds = {kind.name: kind for kind in kinds}

    def __getitem__(self, name: str) -> JobKind:
        return self._kinds[name]

    def new_job(self, name: str, params: BaseModel | Mapping[str, Any], now: float) -> Job:
        """Make a job that waits to run; raises InvalidError for a kind or parameters that there are not."""
        kind = self._kinds.get(name)
        if kind is None:
            raise InvalidError(f"there is no kind of job called {name}")
        checked = _validated(kind, params)
        return Job(
            id=uuid.uuid4().hex[:12],
            kind=name,
            title=kind.title(checked),
            params=checked.model_dump(mode="json", by_alias=True),
            state=JobState.QUEUED,
            steps=tuple((step.name, StepState.WAITING) for step in kind.steps),
            created=now,
            locks=tuple(dict.fromkeys(kind.locks(checked))),
        )

    def of(self, job: Job) -> tuple[JobKind | None, str]:
        """Give the kind of a job that another version of hostd may have made; None and why if it has none."""
        kind = self._kinds.get(job.kind)
        if kind is None:
            return None, f"this version of hostd has no kind of job called {job.kind}"
        if not machine.matches(job, kind):
            return None, f"the steps of {job.kind} are others in this version of hostd"
        try:
            kind.params.model_validate(job.params)
        except ValidationError:
            return None, f"this version of hostd does not understand the parameters of {job.kind}"
        return kind, ""


def _validated(kind: JobKind, params: BaseModel | Mapping[str, Any]) -> BaseModel:
    if isinstance(params, kind.params):
        return params
    try:
        return kind.params.model_validate(params)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{kind.name}: {where}: {first['msg']}") from error
