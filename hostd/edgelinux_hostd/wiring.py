"""Puts the agent together from its real parts: ZFS, the runtimes, libvirt's network, the database."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgelinux_hostd import zfs
from edgelinux_hostd.agent import HostAgent, Views
from edgelinux_hostd.antlets.files import TEMPLATE_XML, read_template_xml
from edgelinux_hostd.antlets.inventory import Inventory
from edgelinux_hostd.antlets.numbers import DEFAULT_BASE_IP
from edgelinux_hostd.antlets.records import Template, TemplateVersion
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.console import ConsoleServer
from edgelinux_hostd.cpu import CpuLevel, cpu_level
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.host import status as host_status
from edgelinux_hostd.jobs.engine import JobEngine
from edgelinux_hostd.jobs.events import EventBus
from edgelinux_hostd.jobs.settings import Settings
from edgelinux_hostd.jobs.store import JobStore
from edgelinux_hostd.network import defined, filters, names, show
from edgelinux_hostd.network.rebase import SETTING, check_free
from edgelinux_hostd.operations.kinds import operations
from edgelinux_hostd.operations.services import HostSize, Services
from edgelinux_hostd.operations.tools import NetworkTools, PoolTools, RecoveryTools, Tools
from edgelinux_hostd.recover import imports, look
from edgelinux_hostd.recover import perform as recovery
from edgelinux_hostd.runtime.base import Runtime
from edgelinux_hostd.runtime.kvm import cloudinit
from edgelinux_hostd.runtime.kvm.driver import KvmRuntime
from edgelinux_hostd.runtime.lxc.driver import LxcRuntime
from edgelinux_hostd.storage import pools, registry, report, scrub
from edgelinux_hostd.storage.watched import WatchedPools
from edgelinux_hostd.storage.zfs import ZfsStorage
from edgelinux_hostd.templates import catalogue, pipeline, template_file
from edgelinux_hostd.templates.offers import HostOffers, parse_offers

__all__ = ["Domains", "build_agent", "build_services", "host_size", "inventory", "runtimes"]

_CPUINFO = Path("/proc/cpuinfo")


def runtimes() -> dict[str, Runtime]:
    """Give the drivers by kind."""
    return {"lxc": LxcRuntime(), "kvm": KvmRuntime()}


def inventory(drivers: Mapping[str, Runtime]) -> Inventory:
    """Give the list of antlets for who only wants to know what runs."""
    return Inventory(ZfsStorage(), drivers, lambda: DEFAULT_BASE_IP)


def host_size() -> HostSize:
    """Give this host's memory and processors."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return HostSize(ram=pages * size // 1024**2, cpus=len(os.sched_getaffinity(0)))


class _Offers:
    """What libvirt and QEMU offer, asked for once: it changes with the image only."""

    def __init__(self, kvm: KvmRuntime) -> None:
        self._kvm = kvm
        self._found: HostOffers | None = None

    def __call__(self) -> HostOffers:
        if self._found is None:
            self._found = parse_offers(*self._kvm.offers())
        return self._found


class Domains:
    """Makes domain XML from template files. What was found valid once is not put to the schema again."""

    def __init__(self, offers: Callable[[], HostOffers], level: CpuLevel) -> None:
        self._offers = offers
        self._level = level
        self._valid: set[str] = set()

    def __call__(self, directory: Path, spec: AntletSpec) -> str:
        """Give the XML of an antlet, of its template in a directory; raises EdgeLinuxError."""
        text = read_template_xml(directory)
        digest = hashlib.sha256(text.encode()).hexdigest()
        described, offers = template_file.load(directory), self._offers()
        template_file.check_cpu(described, self._level, kvm=offers.kvm)
        prepared = pipeline.prepare(
            text,
            spec,
            offers,
            where=str(directory / TEMPLATE_XML),
            privileged=described.privileged,
            validate=digest not in self._valid,
        )
        self._valid.add(digest)
        return prepared.xml


def build_services(
    settings: Settings,
    watched: WatchedPools,
    drivers: Mapping[str, Runtime],
    kvm: KvmRuntime,
    await_network: Callable[[], None],
) -> Services:
    """Give what operations work with."""
    storage = watched.storage
    offers = _Offers(kvm)

    def base_ip() -> str:
        found: str = settings.get(SETTING, DEFAULT_BASE_IP)
        return found

    listing = Inventory(storage, drivers, base_ip)

    def template(name: str, version: str | None, pool: str | None) -> tuple[Template, TemplateVersion]:
        found = catalogue.template(storage, name, pool)
        return found, catalogue.version_of(found, version)

    publishing = threading.Lock()

    def publish_names() -> None:
        # One after the other: whoever looked first must not write last what another has changed since.
        with publishing:
            antlets = listing.antlets()
            names.write(base_ip(), [(antlet.name, antlet.number) for antlet in antlets])
            custom = [
                card
                for antlet in antlets
                if antlet.spec is not None
                for card in filters.cards(antlet.number, antlet.spec.nics)
            ]
            filters.ensure(base_ip(), custom)

    def afterwards(change: Callable[..., Any]) -> Callable[..., Any]:
        """Have ZFS asked anew after pools came or went, which may be before it is told."""

        def changing(*arguments: Any) -> Any:
            try:
                return change(*arguments)
            finally:
                storage.forget()
                watched.reports.forget()

        return changing

    def rebase(base: str) -> None:
        # The filters for the new addresses first: nothing is ever on the network without them.
        before = base_ip()
        settings.set(SETTING, base)
        try:
            publish_names()
            defined.rebase(base)
        except EdgeLinuxError:
            settings.set(SETTING, before)
            publish_names()
            raise

    return Services(
        storage=storage,
        runtimes=drivers,
        inventory=listing,
        size=host_size(),
        base_ip=base_ip,
        template=template,
        domain=Domains(offers, cpu_level(_CPUINFO.read_text(encoding="utf-8"))),
        default_nics=pipeline.default_nics,
        disk_images=pipeline.image_files,
        make_seed=cloudinit.make_seed,
        publish_names=publish_names,
        await_network=await_network,
        default_pool=_default_pool,
        tools=Tools(
            offers=offers,
            pools=PoolTools(
                plan=lambda name, kind, wanted, erase: pools.plan(name, kind, wanted, erase=erase),
                create=afterwards(lambda plan: pools.create_pool(plan, storage)),
                undo=afterwards(lambda plan: pools.undo_create_pool(plan, storage)),
                start_scrub=scrub.start,
                stop_scrub=scrub.stop,
                absent=lambda wanted: pools.find_absent(wanted, zfs.pools_by_guid(), registry.load()),
                forget=afterwards(registry.forget),
                remember=afterwards(registry.record),
            ),
            network=NetworkTools(check_free=check_free, rebase=rebase),
            recovery=RecoveryTools(
                find=imports.find_imports,
                look=afterwards(lambda pool, force: look.look_into(pool, force=force)),
                bring_in=afterwards(lambda pool, force: imports.import_found(pool, force=force)),
                release=afterwards(look.release),
                plan=lambda found, renumber: recovery.plan(
                    storage, found, renumber=renumber, directory=look.directory_of
                ),
                perform=lambda action: recovery.perform(action, storage),
            ),
        ),
    )


def _default_pool() -> str:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return zfs.root_dataset(mounts).partition("/")[0]


def build_agent(
    services: Services,
    watched: WatchedPools,
    store: JobStore,
    bus: EventBus,
    console_directory: Path,
) -> tuple[HostAgent, JobEngine]:
    """Give the agent and its job engine, which is not started yet."""
    reserved: set[int] = set()
    kinds = operations(services, reserved)
    engine = JobEngine(store, [operation.kind for operation in kinds.values()], bus)
    consoles = ConsoleServer(console_directory)

    def templates() -> Sequence[Template]:
        return catalogue.templates(services.storage)

    views = Views(
        templates=templates,
        pools=watched.reports,
        recent_pools=watched.reports.recent,
        pool=report.pool_report,
        free_disks=report.free_disks,
        network=lambda: show.describe(services.base_ip()),
        host=lambda: asdict(host_status()),
        serve_console=lambda descriptor: str(consoles.open(descriptor)),
    )
    return HostAgent(services, engine, bus, kinds, views, reserved), engine
