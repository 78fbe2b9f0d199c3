"""Finding antlets among libvirt's domains: ours carry our mark in their metadata."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from edgelinux_hostd.errors import RefusedError
from edgelinux_hostd.runtime.kvm.domain import NAMESPACE

__all__ = ["find", "is_ours", "need", "terminal"]


def terminal(domain: Any) -> str:
    """Give the path of the pseudo-terminal behind a running domain's serial console, or ""."""
    # libvirt's own words, not a template's.
    found = ET.fromstring(domain.XMLDesc(0)).find("devices/serial[@type='pty']/source")  # noqa: S314
    return "" if found is None else found.get("path", "")


def find(connection: Any, name: str) -> Any:
    """Give the running domain of an antlet, or None; raises RefusedError when it is somebody else's."""
    import libvirt

    try:
        domain = connection.lookupByName(name)
        ours = is_ours(domain)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise
    if not ours:
        raise RefusedError(
            f"libvirt has a machine called {name} that is not an antlet",
            hint="rename it, or undefine it with virsh",
        )
    return domain


def need(connection: Any, name: str) -> Any:
    """Give the running domain of an antlet; raises RefusedError when it does not run or is not ours."""
    domain = find(connection, name)
    if domain is None:
        raise RefusedError(f"{name} does not run", hint=f"`antlet start {name}`")
    return domain


def is_ours(domain: Any) -> bool:
    """Tell whether a domain is an antlet; raises libvirtError when it is gone."""
    import libvirt

    try:
        return bool(domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE))
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return False
        raise
