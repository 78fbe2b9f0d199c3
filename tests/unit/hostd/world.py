"""A host for tests: a pool in memory, a runtime that only remembers, one template of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from edgelinux_hostd.antlets.files import read_template_xml
from edgelinux_hostd.antlets.inventory import Inventory
from edgelinux_hostd.antlets.records import Template, TemplateVersion
from edgelinux_hostd.antlets.spec import AntletSpec, Kind, Nic, dump
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.jobs.model import Abandoned
from edgelinux_hostd.operations.services import HostSize, Services
from edgelinux_hostd.operations.tools import NetworkTools, PoolTools, RecoveryTools, Tools
from edgelinux_hostd.recover import perform as recovery
from edgelinux_hostd.recover.imports import PoolImport
from edgelinux_hostd.runtime.base import Launch, State, Stats
from edgelinux_hostd.storage import registry
from edgelinux_hostd.storage.base import KIND, NAME
from edgelinux_hostd.storage.plan import PoolPlan
from edgelinux_hostd.storage.pools import find_absent
from edgelinux_hostd.templates import catalogue, template_file
from edgelinux_hostd.templates.offers import HostOffers
from edgelinux_hostd.templates.template_file import TemplateSpec

from tests.unit.hostd.memory import MemoryStorage

__all__ = ["FakeRuntime", "World"]


class FakeRuntime:
    """Remembers what runs, beyond the life of whoever started it. `broken` is what start() complains of."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.running: dict[str, State] = {}
        self.launched: list[Launch] = []
        self.broken = ""
        self.stubborn = False

    def states(self) -> Mapping[str, State]:
        return dict(self.running)

    def start(self, launch: Launch) -> None:
        if self.broken:
            raise EdgeLinuxError(self.broken)
        self.launched.append(launch)
        self.running.setdefault(launch.spec.name, State.RUNNING)

    def stop(self, name: str, timeout: float) -> bool:
        if not self.stubborn:
            self.running.pop(name, None)
        return name not in self.running

    def kill(self, name: str) -> None:
        self.running.pop(name, None)

    def pause(self, name: str) -> None:
        self.running[name] = State.PAUSED

    def resume(self, name: str) -> None:
        self.running[name] = State.RUNNING

    def apply(self, launch: Launch) -> tuple[str, ...]:
        return ("cpu",) if launch.spec.cpu > 2 else ()

    def stats(self, name: str) -> Stats:
        return Stats(cpu_seconds=1.5)

    def console(self, name: str) -> int:
        raise EdgeLinuxError("no console here")


class World:
    """All that survives a crash of hostd, and `services` for the next hostd."""

    def __init__(self, root: Path) -> None:
        self.storage = MemoryStorage(root, "antlets", "hdd")
        self.record = root / "pools.json"
        self.runtimes = {"lxc": FakeRuntime("lxc"), "kvm": FakeRuntime("kvm")}
        self.names: dict[str, int] = {}
        # The setting, and what the network that runs has; hostd may die between the two.
        self.base_ip = self.network_ip = "10.1.1."
        self.dies_rebasing = False
        self.scrubs: set[str] = set()
        # Foreign pools that are open for reading only, and those that got their new names for good.
        self.looked_into: set[str] = set()
        self.brought_in: set[str] = set()
        self.add_template("debian-13.lxc", "lxc")
        self.add_template("tiny", "kvm")

    def add_template(self, name: str, kind: Kind) -> None:
        dataset = f"antlets/TEMPLATES/{name}"
        self.storage.create(dataset, {KIND: "template", NAME: name})
        directory = self.storage.root / dataset
        (directory / "antlet.xml.j2").write_text("<domain/>")
        (directory / ("rootfs/etc" if kind == "lxc" else "disks")).mkdir(parents=True)
        spec = TemplateSpec(name=name, kind=kind, version="1", ram=256, cpu=1)
        template_file.dump(spec, directory)
        self.storage.snapshot(f"{dataset}@1")

    @property
    def templates(self) -> dict[str, Template]:
        return {template.name: template for template in catalogue.templates(self.storage)}

    def template(self, name: str, version: str | None, pool: str | None) -> tuple[Template, TemplateVersion]:
        found = catalogue.find(catalogue.templates(self.storage), name, pool)
        return found, catalogue.version_of(found, version)

    def imported(self) -> dict[int, str]:
        """The pools that are here by GUID: their places in the order of their names will do."""
        return dict(enumerate(self.storage.pools(), 1))

    def tools(self) -> Tools:
        """What there is of the machine beside its pool."""

        def create(plan: PoolPlan) -> None:
            if plan.name not in self.storage.filesystems:
                self.storage.add_pool(plan.name)

        def look(pool: PoolImport, force: bool) -> Sequence[str]:
            add(pool)
            self.looked_into.add(pool.name)
            return ()

        def bring_in(pool: PoolImport, force: bool) -> Sequence[str]:
            assert pool.name not in self.looked_into, "it is imported read-only"
            add(pool)
            self.brought_in.add(pool.name)
            return ()

        def release(pool: PoolImport) -> None:
            self.storage.remove_pool(pool.name)
            self.looked_into.discard(pool.name)

        def add(pool: PoolImport) -> None:
            if pool.name not in self.storage.filesystems:
                self.storage.add_pool(pool.name)
                spec = AntletSpec(name="lost1", number=77, uuid=UUID(int=77), kind="lxc", ram=64, cpu=1)
                self.storage.create(f"{pool.name}/lost1", {})
                dump(spec, self.storage.root / pool.name / "lost1")
                (self.storage.root / pool.name / "lost1/rootfs/etc").mkdir(parents=True)

        def rebase(base_ip: str) -> None:
            self.base_ip = base_ip
            if self.dies_rebasing:
                self.dies_rebasing = False
                raise Abandoned
            self.network_ip = base_ip

        found = PoolImport(guid=4711, was="antlets", name="antlets-00004d")
        return Tools(
            offers=lambda: HostOffers(kvm=True, arch="x86_64", machines=("pc-i440fx-10.0",)),
            pools=PoolTools(
                plan=lambda name, layout, disks, erase: PoolPlan(
                    name=name,
                    layout=layout,  # type: ignore[arg-type]
                    devices=tuple(disks),
                    disks=tuple(disks),
                    wipe=(),
                    uuid=str(UUID(int=1)),
                ),
                create=create,
                undo=lambda plan: self.storage.remove_pool(plan.name),
                start_scrub=lambda pool: self.scrubs.add(pool),
                stop_scrub=lambda pool: self.scrubs.discard(pool),
                absent=lambda wanted: find_absent(wanted, self.imported(), registry.load(self.record)),
                forget=lambda guid: registry.forget(guid, self.record),
                remember=lambda guid, name: registry.record(guid, name, self.record),
            ),
            network=NetworkTools(check_free=lambda base_ip: None, rebase=rebase),
            recovery=RecoveryTools(
                find=lambda wanted: [found],
                look=look,
                bring_in=bring_in,
                release=release,
                plan=lambda pools, renumber: recovery.plan(self.storage, pools, renumber=renumber),
                perform=lambda action: recovery.perform(action, self.storage, self.record),
            ),
        )

    def services(self) -> Services:
        """What a newly started hostd works with."""
        inventory = Inventory(self.storage, self.runtimes, lambda: self.base_ip)

        def publish() -> None:
            self.names = {antlet.name: antlet.number for antlet in inventory.antlets()}

        def seed(directory: Path, spec: AntletSpec) -> None:
            (directory / "disks" / "seed.img").write_text(f"{spec.name} {spec.uuid}")

        def domain(directory: Path, spec: AntletSpec) -> str:
            text = read_template_xml(directory)
            if "broken" in text:
                raise EdgeLinuxError("antlet.xml.j2: not valid")
            return f"{text}{spec.name}"

        return Services(
            storage=self.storage,
            runtimes=self.runtimes,
            inventory=inventory,
            size=HostSize(ram=4096, cpus=4),
            base_ip=lambda: self.base_ip,
            template=self.template,
            domain=domain,
            default_nics=lambda xml: (Nic(),),
            disk_images=lambda xml: ("disk0.raw",),
            make_seed=seed,
            publish_names=publish,
            await_network=lambda: None,
            default_pool=lambda: "antlets",
            tools=self.tools(),
        )

    def picture(self) -> dict[str, object]:
        """All that somebody could see from outside, without times and serial numbers."""
        pictured: dict[str, object] = {}
        for name, found in self.storage.filesystems.items():
            pictured[name] = (
                sorted(found.properties.items()),
                found.origin,
                {
                    str(path.relative_to(self.storage.root / name)): path.read_bytes()
                    for path in sorted((self.storage.root / name).rglob("*"))
                    if path.is_file() and not path.is_symlink()
                }
                if "/" in name and not name.endswith("TEMPLATES")
                else {},
            )
        pictured["snapshots"] = sorted(self.storage.taken)
        pictured["running"] = {kind: dict(one.running) for kind, one in self.runtimes.items()}
        pictured["names"] = dict(self.names)
        pictured["base IP"] = (self.base_ip, self.network_ip)
        pictured["scrubs"] = sorted(self.scrubs)
        pictured["looked into"] = sorted(self.looked_into)
        pictured["record"] = registry.load(self.record)
        return pictured
