"""YAML files whose errors name file, line and key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.site.yaml_lines import Location as KeyPath
from edgelinux_installer.site.yaml_lines import dotted, read_yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

__all__ = ["Document", "KeyPath", "dotted", "load", "validate", "validate_document"]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Document:
    """The data of a YAML file, and the line on which each key and list item stands."""

    path: Path
    data: Any
    lines: Mapping[KeyPath, int] = field(repr=False)

    def line_of(self, keypath: KeyPath) -> int:
        """Return the line (from 1) of a key, or of the nearest enclosing key that the file has."""
        for length in range(len(keypath), 0, -1):
            line = self.lines.get(keypath[:length])
            if line is not None:
                return line
        return self.lines.get((), 1)

    def error(self, keypath: KeyPath, what: str, *, hint: str = "") -> EdgeLinuxError:
        """Make the error "file:line: key: what" for a key of this file."""
        where = f"{self.path}:{self.line_of(keypath)}: "
        key = f"{dotted(keypath)}: " if keypath else ""
        return EdgeLinuxError(f"{where}{key}{what}", hint=hint)


def load(path: Path) -> Document:
    """Read one YAML document; an empty file is an empty mapping. Raises EdgeLinuxError with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EdgeLinuxError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise EdgeLinuxError(f"{path}:{line}: not UTF-8 text") from error
    return Document(path, *read_yaml(text, str(path)))


def validate(model: type[Model], path: Path) -> Model:
    """Read a YAML file into a pydantic model; raises EdgeLinuxError "file:line: dotted.key: what"."""
    return validate_document(model, load(path))


def validate_document(model: type[Model], document: Document) -> Model:
    """Make a pydantic model of a loaded document; the first error by line is the one that is raised."""
    if not isinstance(document.data, dict):
        raise EdgeLinuxError(f"{document.path}:1: must be a mapping of keys to values")
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = sorted(
            ((_keypath(document, detail), detail) for detail in error.errors()),
            key=lambda pair: document.line_of(pair[0]),
        )
        keypath, detail = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise document.error(keypath, _what(detail) + more) from error


def _keypath(document: Document, detail: ErrorDetails) -> KeyPath:
    """Keep what pydantic's location has in common with the file; union and validator names are not keys."""
    keypath: KeyPath = ()
    for part in detail["loc"]:
        if (*keypath, part) in document.lines:
            keypath = (*keypath, part)
    if detail["type"] == "missing":
        keypath = (*keypath, detail["loc"][-1])
    return keypath


def _what(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is missing"
    if detail["type"] == "extra_forbidden":
        return "is not a known key"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message[:1].lower() + message[1:]
