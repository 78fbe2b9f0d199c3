"""What a report holds, as a server checks it: JSON, one object (docs/reports.md)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from edgelinux_hostd.report.message import Event

__all__ = ["LARGEST_REPORT", "Machine", "Report"]

# Bytes. A server reads no more of a request.
LARGEST_REPORT = 64 * 1024


def _one_line(value: str) -> str:
    """Leave nothing that a terminal acts on: who may send a report is not who may draw on a screen."""
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def _mac(value: str) -> str:
    if not re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", value.lower()):
        raise ValueError("is not a MAC address")
    return value.lower()


_Line = Annotated[str, Field(max_length=4000), AfterValidator(_one_line)]
_Word = Annotated[str, Field(max_length=300), AfterValidator(_one_line)]
_Mac = Annotated[str, AfterValidator(_mac)]


class _Model(BaseModel):
    # What a later version adds is no reason to refuse a report.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Machine(_Model):
    """Which machine reports: MAC addresses (lower case, colons), DMI serial number and UUID."""

    macs: tuple[_Mac, ...] = Field(default=(), max_length=64)
    serial: _Word = ""
    uuid: Annotated[_Word, AfterValidator(str.lower)] = ""


class Report(_Model):
    """One report. What is not known is empty, or None.

    `image` is the image's version, `percent` how much of the installation is done, `seconds` how
    long it took.
    Texts come out as one line without control characters.
    """

    version: Literal[1]
    event: Event
    time: AwareDatetime
    machine: Machine = Machine()
    hostname: _Word = ""
    product: _Word = ""
    image: _Word = ""
    step: _Word = ""
    percent: int | None = Field(default=None, ge=0, le=100)
    message: _Line = ""
    addresses: tuple[_Word, ...] = Field(default=(), max_length=256)
    fingerprints: tuple[_Word, ...] = Field(default=(), max_length=16)
    seconds: float | None = Field(default=None, ge=0)
