"""A template's description, template.yaml in its dataset: what an antlet made of it is by default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edgelinux_hostd import yamlmodel
from edgelinux_hostd.antlets.names import check_template_name
from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.cpu import CPU_LEVELS, CpuLevel
from edgelinux_hostd.errors import EdgeLinuxError, RefusedError

__all__ = ["FILE", "TemplateSpec", "check_cpu", "dump", "load", "parse"]

FILE = "template.yaml"
_HINT = "it has name, kind and version at least"


def _component(text: str) -> str:
    try:
        return check_template_name(text)
    except EdgeLinuxError as error:
        raise ValueError(str(error)) from None


class TemplateSpec(BaseModel):
    """What a template is. `ram` and `min_ram` are in MiB, `cpu` counts virtual processors.

    `privileged` (LXC) is for containers whose root is the host's: the importer must have agreed to it.
    `cloud_init` (KVM) asks for a NoCloud seed with host name, keys and network. `cpu_level` is the
    lowest level of processors that its programs are built for. `user` is who logs in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(_component)]
    kind: Kind
    version: Annotated[str, AfterValidator(_component)]
    label: str = Field(default="", max_length=128)
    description: str = Field(default="", max_length=4096)
    ram: int = Field(default=512, ge=16)
    cpu: int = Field(default=1, ge=1)
    min_ram: int = Field(default=16, ge=16)
    privileged: bool = False
    cloud_init: bool = False
    cpu_level: CpuLevel = "x86-64-v1"
    user: str = "root"


def parse(text: str, where: str) -> TemplateSpec:
    """Read a description; `where` names the file in errors. Raises InvalidError."""
    return yamlmodel.parse(TemplateSpec, text, where, hint=_HINT)


def load(directory: Path) -> TemplateSpec:
    """Read the description of the template in a directory; raises EdgeLinuxError."""
    return yamlmodel.load(TemplateSpec, directory / FILE, hint=_HINT)


def dump(spec: TemplateSpec, directory: Path) -> None:
    """Write the description into a template's directory: complete or not at all, mode 0644."""
    yamlmodel.dump(spec, directory / FILE, mode=0o644)


def check_cpu(spec: TemplateSpec, level: CpuLevel, *, kvm: bool) -> None:
    """Raise RefusedError if a host whose processor has that level cannot run what is made of the template.

    `kvm`: whether machines get the host's processor, and not one that is emulated and has every level.
    """
    if (spec.kind == "kvm" and not kvm) or CPU_LEVELS.index(level) >= CPU_LEVELS.index(spec.cpu_level):
        return
    raise RefusedError(
        f"this host's CPU is {level}, and antlets of template {spec.name} need {spec.cpu_level}",
        hint="take a template that is made for older CPUs",
    )
