"""What antlets there are: datasets that carry hostd's properties, their specifications, their states.

A constant number of commands, however many antlets there are; specifications are read again only when their
files changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import UUID as Uuid

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.records import Antlet, Dependency, Snapshot
from edgelinux_hostd.antlets.spec import FILE, AntletSpec, Kind, load
from edgelinux_hostd.errors import EdgeLinuxError, NotFoundError
from edgelinux_hostd.runtime.base import Runtime, State
from edgelinux_hostd.storage.base import JOB, KIND, NAME, NUMBER, UUID, DatasetInfo, Storage

__all__ = ["Inventory", "identity_properties"]

# What a file was when it was read: replaced files have another inode, rolled back ones another time.
_Stamp = tuple[int, int, int]


def identity_properties(spec: AntletSpec) -> dict[str, str]:
    """Give the user properties that say which antlet a dataset is."""
    return {KIND: "antlet", NAME: spec.name, NUMBER: str(spec.number), UUID: str(spec.uuid)}


class Inventory:
    """Lists antlets. `base_ip` is asked for each time, since it can be changed."""

    def __init__(self, storage: Storage, runtimes: Mapping[str, Runtime], base_ip: Callable[[], str]) -> None:
        self.storage = storage
        self.runtimes = runtimes
        self.base_ip = base_ip
        self._specs: dict[Path, tuple[_Stamp, AntletSpec]] = {}

    def antlets(self, *, sizes: bool = False) -> tuple[Antlet, ...]:
        """List all antlets of all pools, sorted by name; those that a job is still making are left out.

        What they use may be some minutes old unless `sizes` are asked for.
        """
        states = self._states()
        base_ip = self.base_ip()
        found = [
            self._antlet(pool, info, states, base_ip)
            for pool in self.storage.pools()
            for info in self.storage.datasets(pool, sizes=sizes)
            if info.local.get(KIND) == "antlet" and JOB not in info.local
        ]
        kept = {antlet.directory for antlet in found}
        for directory in self._specs.keys() - kept:
            del self._specs[directory]
        return tuple(sorted(found, key=lambda antlet: antlet.name))

    def antlet(self, name: str, *, sizes: bool = False) -> Antlet:
        """Describe one antlet; raises NotFoundError."""
        for antlet in self.antlets():
            if antlet.name == name:
                info = self.storage.dataset(antlet.dataset, sizes=True) if sizes else None
                return antlet if info is None else replace(antlet, used=info.used)
        raise NotFoundError(f"there is no antlet {name!r}", hint="`antlet list` shows them")

    def snapshots(self, name: str) -> tuple[Snapshot, ...]:
        """List an antlet's snapshots, oldest first; raises NotFoundError."""
        antlet = self.antlet(name)
        return tuple(
            Snapshot(
                name=info.name.partition("@")[2],
                antlet=name,
                dataset=info.name,
                creation=info.creation,
                used=info.used,
                referenced=info.referenced,
                logical=info.logical,
                clones=info.clones,
            )
            for info in self.storage.snapshots(antlet.dataset, sizes=True)
        )

    def snapshot(self, name: str, snapshot: str) -> Snapshot:
        """Describe one snapshot of an antlet; raises NotFoundError that names those there are."""
        found = self.snapshots(name)
        for one in found:
            if one.name == snapshot:
                return one
        names = ", ".join(one.name for one in found) or "none"
        raise NotFoundError(f"antlet {name} has no snapshot {snapshot!r}", hint=f"it has: {names}")

    def dependencies(self, name: str) -> tuple[Dependency, ...]:
        """List what would be lost with an antlet: its snapshots, and what was cloned from them."""
        found: list[Dependency] = []
        for snapshot in self.snapshots(name):
            found.append(Dependency("snapshot", snapshot.name, name))
            found += [
                Dependency("template" if "/TEMPLATES/" in clone else "clone", clone, snapshot.name)
                for clone in snapshot.clones
            ]
        return tuple(found)

    def _states(self) -> dict[str, State]:
        states: dict[str, State] = {}
        for runtime in self.runtimes.values():
            states.update(runtime.states())
        return states

    def _antlet(self, pool: str, info: DatasetInfo, states: Mapping[str, State], base_ip: str) -> Antlet:
        name = info.local.get(NAME, info.name.rpartition("/")[2])
        problem, spec = "", None
        number = int(info.local.get(NUMBER, "0")) if info.local.get(NUMBER, "0").isdigit() else 0
        directory = info.mountpoint or Path("/nonexistent")
        if not info.mounted or info.mountpoint is None:
            problem = f"{info.name} is not mounted (zfs mount {info.name})"
        else:
            try:
                spec = self._spec(directory, name, number, info.local.get(UUID, ""))
            except EdgeLinuxError as error:
                problem = str(error)
        kind: Kind = "lxc" if spec is None and (directory / "rootfs").is_dir() else "kvm"
        state = states.get(name, State.STOPPED)
        if spec is not None:
            number, kind = spec.number, spec.kind
        elif state == State.STOPPED:
            state = State.DAMAGED
        on_network = spec is not None and any(nic.type == "network" for nic in spec.nics)
        return Antlet(
            name=name,
            number=number,
            uuid=str(spec.uuid) if spec else info.local.get(UUID, ""),
            pool=pool,
            dataset=info.name,
            directory=directory,
            kind=kind,
            spec=spec,
            state=state,
            ip=numbers.address(base_ip, number) if on_network else _own_address(spec),
            problem=problem,
            used=info.used,
            quota=info.quota,
            compression=info.compression if info.compression_source == "local" else "inherit",
            origin=info.origin,
            mounted=info.mounted,
        )

    def _spec(self, directory: Path, name: str, number: int, uuid: str) -> AntletSpec:
        try:
            stat = (directory / FILE).stat()
        except OSError as error:
            raise EdgeLinuxError(f"cannot read {directory / FILE}: {error.strerror}") from error
        stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        cached = self._specs.get(directory)
        if cached is None or cached[0] != stamp:
            cached = (stamp, load(directory))
            self._specs[directory] = cached
        spec = cached[1]
        # The dataset's properties say who it is; the file may be a clone's or an older one.
        own = {"name": name, "number": number or spec.number, "uuid": Uuid(uuid) if uuid else spec.uuid}
        return spec if own == {key: getattr(spec, key) for key in own} else spec.model_copy(update=own)


def _own_address(spec: AntletSpec | None) -> str:
    for nic in spec.nics if spec else ():
        if nic.address:
            return nic.address.partition("/")[0]
    return ""
