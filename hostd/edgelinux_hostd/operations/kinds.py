"""All kinds of jobs, by name: an operation that is added here has its crashes tested by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from edgelinux_hostd.operations.clone import clone_antlet
from edgelinux_hostd.operations.create import create_antlet
from edgelinux_hostd.operations.delete import delete_antlet
from edgelinux_hostd.operations.lifecycle import lifecycle_operations
from edgelinux_hostd.operations.network import rebase_network
from edgelinux_hostd.operations.pools import create_pool, forget_pool, scrub_pool
from edgelinux_hostd.operations.recover import recover_antlets
from edgelinux_hostd.operations.rename import rename_antlet
from edgelinux_hostd.operations.services import Operation, Services
from edgelinux_hostd.operations.snapshots import delete_snapshot, restore_snapshot, take_snapshot
from edgelinux_hostd.operations.templates import delete_template, import_template, make_template
from edgelinux_hostd.operations.update import update_antlet

__all__ = ["operations"]


def operations(host: Services, reserved: Collection[int]) -> Mapping[str, Operation]:
    """Give all operations; `reserved` are the numbers that unfinished jobs will give away."""
    found = (
        create_antlet(host, reserved),
        clone_antlet(host, reserved),
        *lifecycle_operations(host),
        update_antlet(host, reserved),
        rename_antlet(host),
        take_snapshot(host),
        delete_snapshot(host),
        restore_snapshot(host),
        delete_antlet(host),
        import_template(host),
        make_template(host),
        delete_template(host),
        rebase_network(host),
        create_pool(host),
        scrub_pool(host),
        forget_pool(host),
        recover_antlets(host),
    )
    return {operation.kind.name: operation for operation in found}
