"""YAML files that a pydantic model describes: read with errors that name the place, written whole."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from edgelinux_hostd.errors import EdgeLinuxError, InvalidError
from edgelinux_hostd.whole import write_whole

__all__ = ["dump", "load", "parse"]

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], text: str, where: str, *, hint: str = "") -> Model:
    """Read a model from YAML; `where` names the file, `hint` says what to do. Raises InvalidError."""
    try:
        found = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise InvalidError(f"{where}:{line} {problem}", hint=hint) from None
    if not isinstance(found, dict):
        raise InvalidError(f"{where}: not a mapping", hint=hint)
    try:
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise InvalidError(f"{where}: {at}: {first['msg']}", hint=hint) from None


def load(model: type[Model], path: Path, *, hint: str = "") -> Model:
    """Read a model from a file; raises EdgeLinuxError, also for a file that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EdgeLinuxError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InvalidError(f"{path}: not text", hint=hint) from None
    return parse(model, text, str(path), hint=hint)


def dump(model: BaseModel, path: Path, *, mode: int) -> None:
    """Write a model: complete or not at all, what is None left out. Raises EdgeLinuxError."""
    fields = model.model_dump(mode="json", exclude_none=True)
    text = yaml.dump(fields, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
    write_whole(path, text, mode)
