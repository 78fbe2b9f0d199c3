"""What the schemas of images/ and of package.yaml share: strict models, and types of values."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "Argv",
    "Name",
    "Relation",
    "Schema",
    "Size",
    "TreePath",
    "Version",
    "Word",
    "Words",
    "parse_size",
]

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_size(value: object) -> int:
    """Turn "450 MB", "2 GiB" or a number of bytes into bytes; raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kKMG]i?B)", str(value))
    if not match or match[2] not in _UNITS:
        raise ValueError(f'is not a size; write "450 MB" (units: {", ".join(_UNITS)})')
    return int(float(match[1]) * _UNITS[match[2]])


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError("must be an absolute path in the tree")
    return path


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
TreePath = Annotated[str, AfterValidator(_absolute)]
Word = Annotated[str, Field(pattern=r"^\S+$")]
# One word alone stands for a list of it.
Words = Annotated[tuple[Word, ...], BeforeValidator(_listed)]
# What a package depends on, with a version or without.
Relation = Annotated[str, Field(pattern=r"^\S+( \S+)*$")]
Argv = Annotated[tuple[str, ...], Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")]
Version = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*([~+-][A-Za-z0-9.]+)?$")]


class Schema(BaseModel):
    """What all parts of a definition share: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
