"""An antlet's specification, antlet.yaml in its dataset, outside the guest's root.

It holds no pool's name and no absolute path, so that it is true on whatever host the dataset is. Name, number
and uuid are also user properties of the dataset, which override the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edgelinux_hostd import yamlmodel
from edgelinux_hostd.antlets.names import check_antlet_name
from edgelinux_hostd.antlets.numbers import FIRST, LAST, NETWORK
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["FILE", "AntletSpec", "Kind", "Nic", "dump", "load", "parse"]

FILE = "antlet.yaml"
_HINT = "`antlet recover` writes it anew"

Kind = Literal["lxc", "kvm"]


def _name(text: str) -> str:
    try:
        return check_antlet_name(text)
    except EdgeLinuxError as error:
        raise ValueError(str(error)) from None


class Nic(BaseModel):
    """A network card: on the antlets' network (`network`, bblv) or on a bridge of the host's (`bridge`, br0).

    `mac` is None for the one that follows from antlet's number and card's place. `address` (CIDR) and
    `gateway` are for cards on a bridge whose antlet does not ask DHCP.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["network", "bridge"] = "network"
    source: str = Field(default=NETWORK, pattern=r"^[A-Za-z0-9_.-]{1,15}$")
    model: Literal["virtio", "e1000", "e1000e", "rtl8139"] = "virtio"
    mac: str | None = Field(default=None, pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")
    address: str | None = None
    gateway: str | None = None


class AntletSpec(BaseModel):
    """What an antlet shall be. `ram` is in MiB, `cpu` counts virtual processors.

    `order` is the place in the order of automatic starts, lower first; at shutdown the order is reversed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    name: Annotated[str, AfterValidator(_name)]
    number: int = Field(ge=FIRST, le=LAST)
    uuid: UUID
    kind: Kind
    template: str = ""
    ram: int = Field(ge=16)
    cpu: int = Field(ge=1)
    description: str = Field(default="", max_length=4096)
    autostart: bool = False
    order: int = Field(default=100, ge=0, le=999)
    nics: tuple[Nic, ...] = (Nic(),)
    ssh_keys: tuple[str, ...] = ()


def parse(text: str, where: str) -> AntletSpec:
    """Read a specification; `where` names the file in errors. Raises InvalidError."""
    return yamlmodel.parse(AntletSpec, text, where, hint=_HINT)


def load(directory: Path) -> AntletSpec:
    """Read the specification of the antlet that is mounted at a directory; raises EdgeLinuxError."""
    return yamlmodel.load(AntletSpec, directory / FILE, hint=_HINT)


def dump(spec: AntletSpec, directory: Path) -> None:
    """Write the specification into an antlet's directory: complete or not at all, mode 0600."""
    yamlmodel.dump(spec, directory / FILE, mode=0o600)
