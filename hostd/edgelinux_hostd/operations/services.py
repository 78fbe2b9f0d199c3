"""What operations work with: storage, runtimes, templates, the network, and what this host has to give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgelinux_hostd.antlets.inventory import Inventory
from edgelinux_hostd.antlets.records import Antlet, Template, TemplateVersion
from edgelinux_hostd.antlets.spec import AntletSpec, Nic
from edgelinux_hostd.errors import EdgeLinuxError, RefusedError
from edgelinux_hostd.jobs.model import JobKind
from edgelinux_hostd.network.check import check_bridges, on_network
from edgelinux_hostd.operations.tools import Tools
from edgelinux_hostd.runtime.base import Launch, Runtime, State
from edgelinux_hostd.storage.base import Storage

__all__ = ["HostSize", "Operation", "Services", "need_stopped", "not_there", "usable"]


@dataclass(frozen=True)
class HostSize:
    """What this host has: memory in MiB, processors that the host may run on."""

    ram: int
    cpus: int


@dataclass(frozen=True)
class Services:
    """What operations work with.

    `template` finds a template and one of its versions (None: the newest) by name, version and pool.
    `domain` makes the domain XML of an antlet from the template files in a directory, the antlet's own or its
    template's; `default_nics` and `disk_images` read cards and disks of such an XML. `make_seed` writes what
    a machine's first boot configures itself from. `publish_names` brings the names that the antlets' network
    resolves in line with the antlets; `base_ip` is that network's, and `await_network` waits until it is up.
    Templates go into the pool `default_pool` when no other is named.
    """

    storage: Storage
    runtimes: Mapping[str, Runtime]
    inventory: Inventory
    size: HostSize
    base_ip: Callable[[], str]
    template: Callable[[str, str | None, str | None], tuple[Template, TemplateVersion]]
    domain: Callable[[Path, AntletSpec], str]
    default_nics: Callable[[str], tuple[Nic, ...]]
    disk_images: Callable[[str], tuple[str, ...]]
    make_seed: Callable[[Path, AntletSpec], None]
    publish_names: Callable[[], None]
    await_network: Callable[[], None]
    default_pool: Callable[[], str]
    tools: Tools

    def runtime(self, antlet: Antlet) -> Runtime:
        """Give the driver that runs an antlet."""
        return self.runtimes[antlet.kind]

    def start(self, antlet: Antlet) -> None:
        """Start an antlet, once its network is up; raises EdgeLinuxError."""
        launch = self.launch(antlet)
        if on_network(launch.spec.nics):
            self.await_network()
        check_bridges(launch.spec.nics)
        self.runtime(antlet).start(launch)

    def launch(self, antlet: Antlet) -> Launch:
        """Give all that starting an antlet takes; raises EdgeLinuxError."""
        spec = usable(antlet)
        return Launch(spec, antlet.directory, self.domain(antlet.directory, spec))


def usable(antlet: Antlet) -> AntletSpec:
    """Give the specification of an antlet that is not damaged; raises EdgeLinuxError."""
    if antlet.spec is None:
        raise EdgeLinuxError(f"antlet {antlet.name} cannot be used: {antlet.problem}")
    return antlet.spec


def not_there(dataset: str) -> EdgeLinuxError:
    """Give the error for a dataset that should be there and mounted, and is not."""
    return EdgeLinuxError(
        f"dataset {dataset} is not there, or not mounted", hint="`zfs list -o name,mounted` shows which"
    )


def need_stopped(antlet: Antlet, what: str) -> None:
    """Raise RefusedError unless an antlet is stopped."""
    if antlet.state not in (State.STOPPED, State.DAMAGED):
        raise RefusedError(
            f"antlet {antlet.name} is {antlet.state.lower()}: {what} needs it stopped",
            hint=f"`antlet stop {antlet.name}`",
        )


@dataclass(frozen=True)
class Operation:
    """A kind of job, and what is checked before one is submitted.

    `check` returns the parameters with all that was left open decided. It raises InvalidError, NotFoundError
    or RefusedError, and changes nothing.
    """

    kind: JobKind
    check: Callable[[Any], Any]
