"""An agent in memory that behaves: what the tests of the API and of the `antlet` command talk to."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.records import Antlet, Dependency, Snapshot, Template, TemplateVersion
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.errors import BusyError, EdgeLinuxError, InvalidError, NotFoundError, RefusedError
from edgelinux_hostd.jobs.model import Job, JobState, StepState
from edgelinux_hostd.operations.params import Params
from edgelinux_hostd.runtime.base import State, Stats

__all__ = ["FakeAgent"]

MIB = 1024**2
GIB = 1024**3


class FakeAgent:
    """Antlets, templates, pools and jobs in memory.

    Jobs run in a thread each: at once, unless `gate` is cleared. `failing` maps a kind of job to the error
    that its jobs end with, `results` to what they give besides. `silence` is how long an events reader waits
    before it hears that all is quiet.
    """

    def __init__(self) -> None:
        self._antlets: dict[str, Antlet] = {}
        self._snapshots: dict[str, list[Snapshot]] = {}
        self._templates = {
            name: _template(name, kind) for name, kind in (("debian-13.lxc", "lxc"), ("tiny", "kvm"))
        }
        self._pools = {"antlets": _pool("antlets")}
        self._jobs: dict[str, Job] = {}
        self._events: list[Mapping[str, Any]] = []
        self._change = threading.Condition()
        self._ids = itertools.count(1)
        self.base_ip = numbers.DEFAULT_BASE_IP
        self.gate = threading.Event()
        self.gate.set()
        self.failing: dict[str, EdgeLinuxError] = {}
        self.results: dict[str, Mapping[str, Any]] = {}
        self.silence = 15.0
        self.submitted: list[tuple[str, Params]] = []
        self.readers = 0
        self.silences = 0

    # What is there

    def antlets(self) -> Sequence[Antlet]:
        return [self._antlets[name] for name in sorted(self._antlets)]

    def antlet(self, name: str) -> Antlet:
        if name not in self._antlets:
            raise NotFoundError(f"there is no antlet {name}", hint="`antlet list` shows those that are there")
        return self._antlets[name]

    def snapshots(self, name: str) -> Sequence[Snapshot]:
        self.antlet(name)
        return self._snapshots[name]

    def dependencies(self, name: str) -> Sequence[Dependency]:
        found = []
        for one in self.snapshots(name):
            found.append(Dependency("snapshot", one.name, name))
            found += [Dependency("clone", clone, one.name) for clone in one.clones]
        return found

    def stats(self, name: str) -> Stats:
        if self.antlet(name).state is not State.RUNNING:
            return Stats()
        return Stats(12.5, 80 * MIB, 1024 * MIB, 3 * MIB, MIB, 2048, 1024, 9)

    def console(self, name: str) -> str:
        if self.antlet(name).state is not State.RUNNING:
            raise RefusedError(f"antlet {name} does not run", hint=f"`antlet start {name}`")
        return f"/run/edgelinux/console/{name}.sock"

    def templates(self) -> Sequence[Template]:
        return [self._templates[name] for name in sorted(self._templates)]

    def template(self, name: str) -> Template:
        if name not in self._templates:
            raise NotFoundError(f"there is no template {name}")
        return self._templates[name]

    def pools(self) -> Sequence[Mapping[str, Any]]:
        return list(self._pools.values())

    def recent_pools(self) -> Sequence[Mapping[str, Any]]:
        return self.pools()

    def pool(self, name: str) -> Mapping[str, Any]:
        if name not in self._pools:
            raise NotFoundError(f"there is no pool {name}")
        disks = [{"path": "/dev/vda3", "state": "ONLINE"}, {"path": "/dev/vdb3", "state": "ONLINE"}]
        return {**self._pools[name], "vdevs": [{"type": "mirror", "disks": disks}], "scrub": "none requested"}

    def free_disks(self) -> Sequence[Mapping[str, Any]]:
        return [{"path": "/dev/vdc", "size": 12 * GIB, "model": "", "serial": "S1"}]

    def network(self) -> Mapping[str, Any]:
        return {
            "base-ip": self.base_ip,
            "gateway": numbers.gateway(self.base_ip),
            "subnet": numbers.subnet(self.base_ip),
            "bridge": "bblv",
            "active": True,
            "leases": [],
        }

    def host(self) -> Mapping[str, Any]:
        return {"version": "2.1.0", "acceleration": "tcg"}

    # Jobs

    def submit(self, kind: str, params: Params) -> Job:
        self.submitted.append((kind, params))
        name = getattr(params, "name", "")
        with self._change:
            for job in self._jobs.values():
                if name and not job.state.final and job.params.get("name") == name:
                    raise BusyError(f"antlet {name} is being worked on: job {job.id}")
        act: Callable[[Any], Mapping[str, Any]] = getattr(self, "_" + kind.replace("-", "_"))
        check = getattr(self, "_check_" + kind.replace("-", "_"), lambda params: None)
        check(params)
        job = Job(
            id=f"j{next(self._ids)}",
            kind=kind,
            title=f"{kind} {name or getattr(params, 'template', '')}".strip(),
            params=params.model_dump(mode="json", by_alias=True),
            state=JobState.RUNNING,
            steps=(("work", StepState.BEGUN),),
            created=time.time(),
            started=time.time(),
            attempts=1,
        )
        self._keep(job)
        threading.Thread(target=self._run, args=(job, act, params), daemon=True).start()
        return job

    def _run(self, job: Job, act: Callable[[Any], Mapping[str, Any]], params: Params) -> None:
        while not self.gate.wait(0.05):
            if self._jobs[job.id].cancel:
                self._end(job, JobState.CANCELLED, error=f"job {job.id} was cancelled", exit_code=5)
                return
        try:
            if job.kind in self.failing:
                raise self.failing[job.kind]
            result = {**act(params), **self.results.get(job.kind, {})}
        except EdgeLinuxError as error:
            items = getattr(error, "items", ())
            self._end(job, JobState.FAILED, error=str(error), exit_code=error.exit_code, items=items)
        else:
            self._end(job, JobState.DONE, result=result, steps=(("work", StepState.DONE),), progress=1.0)

    def _end(self, job: Job, state: JobState, **more: Any) -> None:
        self._keep(replace(self._jobs[job.id], state=state, finished=time.time(), **more))

    def _keep(self, job: Job) -> None:
        with self._change:
            self._jobs[job.id] = job
        self.tell("job", job=job.id, state=str(job.state))

    def tell(self, kind: str, **more: Any) -> None:
        """Add an event."""
        with self._change:
            self._events.append({"id": len(self._events) + 1, "time": 1_700_000_000, "type": kind, **more})
            self._change.notify_all()

    def jobs(self, *, active: bool = False) -> Sequence[Job]:
        return [job for job in reversed(self._jobs.values()) if not (active and job.state.final)]

    def job(self, job: str) -> Job:
        if job not in self._jobs:
            raise NotFoundError(f"there is no job {job}")
        return self._jobs[job]

    def job_log(self, job: str) -> Sequence[str]:
        return [f"{self.job(job).title}: begun"]

    def cancel(self, job: str) -> Job:
        if self.job(job).state.final:
            raise RefusedError(f"job {job} is finished")
        self._keep(replace(self._jobs[job], cancel=True))
        return self._jobs[job]

    def retry(self, job: str) -> Job:
        found = self.job(job)
        if not found.unsettled:
            raise RefusedError(f"job {job} has nothing left to try again, it is {found.state}")
        self._keep(replace(found, state=JobState.RUNNING, unsettled=False, error=found.cause))
        threading.Thread(target=self._settle, args=(found,), daemon=True).start()
        return self._jobs[job]

    def _settle(self, job: Job) -> None:
        self.gate.wait()
        if job.kind in self.failing:
            self._end(job, JobState.FAILED, unsettled=True, error=str(self.failing[job.kind]))
        elif job.cause:
            self._end(job, JobState.FAILED)
        else:
            self._end(job, JobState.DONE, progress=1.0, exit_code=0)

    def leave(self, kind: str, *, cause: str = "") -> str:
        """Have a job that failed with something left to finish, or with `cause` to undo; gives its id."""
        job = Job(
            id=f"j{next(self._ids)}",
            kind=kind,
            title=kind,
            params={},
            state=JobState.FAILED,
            steps=(("work", StepState.BEGUN),),
            error=f"{cause}; dataset is busy; left to undo: work" if cause else "dataset is busy",
            cause=cause,
            exit_code=5 if cause else 1,
            unsettled=True,
        )
        self._keep(job)
        return job.id

    def wait(self, job: str, timeout: float) -> Job:
        with self._change:
            self._change.wait_for(lambda: self.job(job).state.final, timeout)
        return self.job(job)

    def events(self, last: int | None = None) -> Iterator[Mapping[str, Any]]:
        at = len(self._events) if last is None else last
        self.readers += 1
        try:
            while True:
                with self._change:
                    there = self._change.wait_for(lambda at=at: len(self._events) > at, self.silence)  # type: ignore[misc]
                    found = self._events[at:]
                if not there:
                    self.silences += 1
                    yield {}
                yield from found
                at += len(found)
        finally:
            self.readers -= 1

    # What the kinds of jobs check and do

    def add(
        self, name: str, number: int | None = None, template: str = "debian-13.lxc", **more: Any
    ) -> Antlet:
        """Have an antlet, stopped."""
        made = self.template(template)
        number = number or numbers.next_free([one.number for one in self._antlets.values()])
        known = {field: value for field, value in more.items() if value is not None}
        pool = known.pop("pool", "antlets")
        quota, compression = known.pop("quota", 0), known.pop("compression", "inherit")
        uuid = UUID(int=number)
        spec = AntletSpec(
            name=name,
            number=number,
            uuid=uuid,
            kind=made.kind,
            template=template,
            ram=known.pop("ram", made.ram),
            cpu=known.pop("cpu", made.cpu),
            **known,
        )
        self._antlets[name] = Antlet(
            name=name,
            number=number,
            uuid=str(uuid),
            pool=pool,
            dataset=f"{pool}/{name}",
            directory=Path(f"/{pool}/{name}"),
            kind=made.kind,
            spec=spec,
            state=State.STOPPED,
            ip=numbers.address(self.base_ip, number),
            used=3 * MIB,
            quota=quota,
            compression=compression,
            origin=f"antlets/TEMPLATES/{template}@1",
        )
        self._snapshots[name] = []
        return self._antlets[name]

    def damage(self, name: str, problem: str) -> None:
        """Have an antlet's specification unreadable."""
        self._antlets[name] = replace(self._antlets[name], spec=None, state=State.DAMAGED, problem=problem)

    def _check_create_antlet(self, params: Any) -> None:
        self.template(params.template)
        if params.name in self._antlets:
            raise InvalidError(f"dname: there is an antlet {params.name} already")
        if params.number in [one.number for one in self._antlets.values()]:
            raise InvalidError(f"antlet-num: {params.number} is taken")
        if params.ram and params.ram > 4096:
            raise InvalidError(f"ram: {params.ram} MiB are more than the host has", hint="at most 4096")

    def _create_antlet(self, params: Any) -> Mapping[str, Any]:
        fields = params.model_dump(
            exclude={"name", "number", "template", "version", "ssh_keys", "start", "nics"}
        )
        nics = params.nics if params.nics is not None else (Nic(),)
        self.add(params.name, params.number, params.template, nics=nics, **fields)
        if params.start:
            self._state(params.name, State.RUNNING)
        return {"antlet": params.name}

    def _state(self, name: str, state: State) -> Mapping[str, Any]:
        self._antlets[name] = replace(self.antlet(name), state=state)
        self.tell("antlet", antlet=name, state=str(state))
        return {}

    def _check_start_antlet(self, params: Any) -> None:
        if self.antlet(params.name).state is State.RUNNING:
            raise RefusedError(f"antlet {params.name} runs already")

    def _check_stop_antlet(self, params: Any) -> None:
        self.antlet(params.name)

    _check_kill_antlet = _check_pause_antlet = _check_resume_antlet = _check_reboot_antlet = (
        _check_stop_antlet
    )
    _check_update_antlet = _check_rename_antlet = _check_take_snapshot = _check_stop_antlet

    def _start_antlet(self, params: Any) -> Mapping[str, Any]:
        return self._state(params.name, State.RUNNING)

    _resume_antlet = _reboot_antlet = _start_antlet

    def _stop_antlet(self, params: Any) -> Mapping[str, Any]:
        return self._state(params.name, State.STOPPED)

    _kill_antlet = _stop_antlet

    def _pause_antlet(self, params: Any) -> Mapping[str, Any]:
        return self._state(params.name, State.PAUSED)

    def _update_antlet(self, params: Any) -> Mapping[str, Any]:
        antlet = self.antlet(params.name)
        changes = {name: value for name, value in params if value is not None and name != "name"}
        known = AntletSpec.model_fields
        assert antlet.spec is not None
        spec = antlet.spec.model_copy(
            update={name: value for name, value in changes.items() if name in known}
        )
        own = {name: value for name, value in changes.items() if name in ("number", "quota", "compression")}
        self._antlets[params.name] = replace(antlet, spec=spec, **own)
        return {}

    def _rename_antlet(self, params: Any) -> Mapping[str, Any]:
        antlet = self._antlets.pop(params.name)
        self._antlets[params.new_name] = replace(antlet, name=params.new_name)
        self._snapshots[params.new_name] = self._snapshots.pop(params.name)
        return {}

    def _check_delete_antlet(self, params: Any) -> None:
        self.antlet(params.name)
        items = [f"{one.kind} {one.name}" for one in self.dependencies(params.name)]
        if items and not params.force:
            raise RefusedError(f"antlet {params.name} is depended on", items=items)

    def _delete_antlet(self, params: Any) -> Mapping[str, Any]:
        del self._antlets[params.name], self._snapshots[params.name]
        return {}

    def _check_clone_antlet(self, params: Any) -> None:
        self.antlet(params.source)

    def _clone_antlet(self, params: Any) -> Mapping[str, Any]:
        snapshot = params.snapshot or "clone"
        if all(one.name != snapshot for one in self._snapshots[params.source]):
            self._take(params.source, snapshot)
        self._snapshots[params.source] = [
            replace(one, clones=(*one.clones, f"antlets/{params.name}")) if one.name == snapshot else one
            for one in self._snapshots[params.source]
        ]
        self.add(params.name, params.number)
        return {}

    def _take(self, name: str, snapshot: str) -> None:
        count = len(self._snapshots[name])
        self._snapshots[name].append(
            Snapshot(snapshot, name, f"antlets/{name}", 1_700_000_000 + count, 4096, 3 * MIB, 5 * MIB)
        )

    def _take_snapshot(self, params: Any) -> Mapping[str, Any]:
        self._take(params.name, params.snapshot or "2023-11-14-221320")
        return {}

    def _check_restore_snapshot(self, params: Any) -> None:
        names = [one.name for one in self.snapshots(params.name)]
        if params.snapshot not in names:
            raise NotFoundError(f"antlet {params.name} has no snapshot {params.snapshot}")
        newer = names[names.index(params.snapshot) + 1 :]
        if newer and not params.destroy_newer:
            raise RefusedError("there are newer snapshots", hint="destroy-newer", items=newer)

    _check_delete_snapshot = lambda self, params: self._check_restore_snapshot(  # noqa: E731
        params.model_copy(update={"destroy_newer": True})
    )

    def _restore_snapshot(self, params: Any) -> Mapping[str, Any]:
        names = [one.name for one in self._snapshots[params.name]]
        del self._snapshots[params.name][names.index(params.snapshot) + 1 :]
        return {}

    def _delete_snapshot(self, params: Any) -> Mapping[str, Any]:
        self._snapshots[params.name] = [
            one for one in self.snapshots(params.name) if one.name != params.snapshot
        ]
        return {}

    def _check_make_template(self, params: Any) -> None:
        if self.antlet(params.antlet).state is State.RUNNING:
            raise RefusedError(f"antlet {params.antlet} runs", hint="stop it first")

    def _make_template(self, params: Any) -> Mapping[str, Any]:
        self._templates[params.template] = replace(
            _template(params.template, "lxc"), description=params.description
        )
        return {}

    _import_template = _make_template

    def _check_delete_template(self, params: Any) -> None:
        template = self.template(params.template)
        clones = [one.name for one in self.antlets() if one.spec and one.spec.template == template.name]
        if clones:
            raise RefusedError(f"template {template.name} is in use", items=clones)

    def _delete_template(self, params: Any) -> Mapping[str, Any]:
        if params.version is None:
            del self._templates[params.template]
        return {}

    def _check_rebase_network(self, params: Any) -> None:
        numbers.check_base_ip(params.base_ip)
        running = [one.name for one in self.antlets() if one.state is State.RUNNING]
        if running and not params.restart:
            raise RefusedError("antlets run on the network", items=running)

    def _rebase_network(self, params: Any) -> Mapping[str, Any]:
        self.base_ip = params.base_ip
        return {}

    def _create_pool(self, params: Any) -> Mapping[str, Any]:
        self._pools[params.name] = _pool(params.name)
        return {}

    def _check_scrub_pool(self, params: Any) -> None:
        self.pool(params.name)

    def _scrub_pool(self, params: Any) -> Mapping[str, Any]:
        return {}

    def _check_forget_pool(self, params: Any) -> None:
        if self.pool(params.name).get("reason") != "not imported":
            raise RefusedError(f"pool {params.name} is imported", hint=f"`zpool export {params.name}` first")

    def _forget_pool(self, params: Any) -> Mapping[str, Any]:
        del self._pools[params.name]
        return {}

    def lose(self, pool: str) -> None:
        """Have a pool that should be here and is not."""
        self._pools[pool] = {**_pool(pool), "health": "UNAVAIL", "reason": "not imported"}

    def _recover(self, params: Any) -> Mapping[str, Any]:
        return {
            "pools": ["pool antlets (17) is imported as antlets-old"],
            "lines": ["antlets-old/web1: antlet web1, number 25"],
            "antlets": ["web1"],
        }


def _template(name: str, kind: Any) -> Template:
    return Template(
        name=name,
        pool="antlets",
        dataset=f"antlets/TEMPLATES/{name}",
        directory=Path(f"/antlets/TEMPLATES/{name}"),
        kind=kind,
        description=f"{name} for tests",
        ram=512,
        cpu=1,
        creation=1_700_000_000,
        used=150 * MIB,
        logical=300 * MIB,
        versions=(TemplateVersion("1", f"antlets/TEMPLATES/{name}@1", 1_700_000_000),),
    )


def _pool(name: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "guid": "1234",
        "health": "ONLINE",
        "size": 10 * GIB,
        "allocated": 3 * GIB,
        "free": 7 * GIB,
        "capacity": 30,
        "mountpoint": f"/{name}",
        "warnings": [],
    }
