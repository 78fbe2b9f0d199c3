"""YAML files whose errors name file, line and key."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from edgelinux_hostd.errors import EdgeLinuxError
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

__all__ = ["Document", "KeyPath", "dotted", "load", "validate", "validate_document"]

KeyPath = tuple[str | int, ...]
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
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(path, {}, {(): 1})
        lines = dict(_lines(path, node, ()))
        return Document(path, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise EdgeLinuxError(f"{path}:{line}: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise EdgeLinuxError(f"{path}:1: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()


def _lines(path: Path, node: yaml.Node, at: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    if at == ():
        yield at, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: dict[Hashable, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            name = key.value if isinstance(key, yaml.ScalarNode) else str(key)
            if name in seen and name != "<<":
                what = f"{dotted((*at, name))}: stands here a second time (first on line {seen[name]})"
                raise EdgeLinuxError(f"{path}:{line}: {what}")
            seen[name] = line
            yield (*at, name), line
            yield from _lines(path, value, (*at, name))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*at, index), item.start_mark.line + 1
            yield from _lines(path, item, (*at, index))


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


def dotted(keypath: KeyPath) -> str:
    """Write a key as people do: `users[0].name`."""
    text = ""
    for part in keypath:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
