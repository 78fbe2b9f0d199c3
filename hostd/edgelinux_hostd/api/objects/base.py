"""What all objects on the wire have in common, and types that several of them use."""

from __future__ import annotations

import time
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from edgelinux_hostd.antlets import names
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = [
    "Action",
    "AntletName",
    "Failure",
    "Input",
    "SnapshotName",
    "TemplateName",
    "Wire",
    "moment",
]


def _hyphens(name: str) -> str:
    return name.replace("_", "-")


class Wire(BaseModel):
    """What is sent."""

    model_config = ConfigDict(frozen=True, alias_generator=_hyphens, populate_by_name=True)

    def wire(self) -> dict[str, Any]:
        """Give it as it is sent; fields that are None are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Input(Wire):
    """What is received: unknown fields are errors, so that a misspelt one is never silently ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class Action(Wire):
    """What an action answers."""

    success: bool
    message: str


class Failure(Wire):
    """What is answered when something fails; a failed GET has `errors` alone."""

    success: bool = False
    message: str = ""
    errors: tuple[str, ...]


def _antlet(text: str) -> str:
    try:
        return names.check_antlet_name(text)
    except EdgeLinuxError as error:
        raise ValueError(str(error)) from None


def _template(text: str) -> str:
    try:
        return names.check_template_name(text)
    except EdgeLinuxError as error:
        raise ValueError(str(error)) from None


def _snapshot(text: str) -> str:
    try:
        return names.check_snapshot_name(text)
    except EdgeLinuxError as error:
        raise ValueError(str(error)) from None


AntletName = Annotated[str, AfterValidator(_antlet)]
TemplateName = Annotated[str, AfterValidator(_template)]
SnapshotName = Annotated[str, AfterValidator(_snapshot)]


def moment(seconds: float) -> str:
    """Write a time for people, in the host's time zone; empty for none."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""
