"""A template's description, template.yaml in its dataset: what an antlet made of it is by default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edgelinux_hostd.antlets.names import check_template_name
from edgelinux_hostd.antlets.spec import Kind
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError

__all__ = ["FILE", "TemplateSpec", "dump", "load", "parse"]

FILE = "template.yaml"


def _component(text: str) -> str:
    try:
        return check_template_name(text)
    except EdgeLinuxError as error:
        raise ValueError(str(error)) from None


class TemplateSpec(BaseModel):
    """What a template is. `ram` and `min_ram` are in MiB, `cpu` counts virtual processors.

    `privileged` (LXC) is for containers whose root is the host's: the importer must have agreed to it.
    `cloud_init` (KVM) asks for a NoCloud seed with host name, keys and network. `user` is who logs in.
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
    user: str = "root"


def parse(text: str, where: str) -> TemplateSpec:
    """Read a description; `where` names the file in errors. Raises InvalidError."""
    try:
        found = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise InvalidError(f"{where}:{line} {getattr(error, 'problem', None) or 'not YAML'}") from None
    if not isinstance(found, dict):
        raise InvalidError(f"{where}: not a mapping", hint="it has name, kind and version at least")
    try:
        return TemplateSpec.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{where}: {at}: {first['msg']}") from None


def load(directory: Path) -> TemplateSpec:
    """Read the description of the template in a directory; raises EdgeLinuxError."""
    path = directory / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EdgeLinuxError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InvalidError(f"{path}: not text") from None
    return parse(text, str(path))


def dump(spec: TemplateSpec, directory: Path) -> None:
    """Write the description into a template's directory: complete or not at all, mode 0644."""
    text = yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    path = directory / FILE
    scratch = directory / f".{FILE}.new"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
