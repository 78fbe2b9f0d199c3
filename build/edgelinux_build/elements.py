"""diskimage-builder's elements as they lie on disk: which belong together, and the packages they ask for.

Read as diskimage-builder reads them (its documentation, "Developing Elements", and the elements
package-installs and pkg-map), but without running anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgelinux_hostd.errors import EdgeLinuxError

from .yamlfile import load

__all__ = ["Element", "Target", "closure", "environment", "installs", "mapped", "own_elements"]

_EXPORT = re.compile(r"^export ([A-Za-z_][A-Za-z0-9_]*)=(.*)$")
_DEFAULT = re.compile(r"^\$\{([A-Za-z_][A-Za-z0-9_]*):?-(.*)\}$")
_WHEN = re.compile(r"^(\w+)\s*(!?=)\s*(.*)$")
_INSTALL_TYPE = "source"
_MAPS = "pkg-maps"


@dataclass(frozen=True)
class Element:
    """One element; of two with the same name, the first folder's counts."""

    name: str
    path: Path
    map_of_others: Path | None = None
    """Its pkg-map as another element has it (element edgelinux-pkg-maps)."""

    @property
    def pkg_map(self) -> Path:
        """The file with the names that its packages have on each distribution; it may be absent."""
        return self.map_of_others or self.path / "pkg-map"

    def words(self, file: str) -> tuple[str, ...]:
        """Return the words of element-deps or element-provides."""
        path = self.path / file
        return tuple(path.read_text(encoding="utf-8").split()) if path.is_file() else ()


@dataclass(frozen=True)
class Target:
    """What package names are mapped for."""

    family: str
    """As pkg-map calls it."""
    environment: Mapping[str, str]
    """With DISTRO_NAME, DIB_RELEASE and ARCH."""


def closure(folders: Sequence[Path], names: Sequence[str]) -> tuple[Element, ...]:
    """Return the named elements and all that they depend on, sorted; raises EdgeLinuxError."""
    found: dict[str, Element] = {}
    provided: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop(0)
        if name in found or name in provided:
            continue
        path = next((folder / name for folder in folders if (folder / name).is_dir()), None)
        if path is None:
            raise EdgeLinuxError(f"there is no element {name}", hint="look at element-deps in elements/")
        element = found[name] = Element(name, path)
        provided.update(element.words("element-provides"))
        queue += element.words("element-deps")
    kept = sorted(found.keys() - provided)
    maps = _maps_of_others(found[name] for name in kept)
    return tuple(replace(found[name], map_of_others=maps.get(name)) for name in kept)


def _maps_of_others(elements: Iterable[Element]) -> dict[str, Path]:
    """Return the files pkg-maps/<element>/<number>-<name>; of one element's, the last by name counts."""
    files = (path for element in elements for path in element.path.glob(f"{_MAPS}/*/*"))
    return {path.parent.name: path for path in sorted(files, key=lambda path: path.name)}


def own_elements(folders: Sequence[Path], names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the first folder among the named elements and all that they depend on, sorted.

    Raises EdgeLinuxError.
    """
    return tuple(element.name for element in closure(folders, names) if element.path.parent == folders[0])


def environment(elements: Sequence[Element], given: Mapping[str, str]) -> dict[str, str]:
    """Return what the elements' environment.d leaves of the variables, as far as it can be read.

    Only lines `export NAME=value` count, with the value a word or `${NAME:-word}`. A variable that is set
    in any other way is left out, since its value is known when the script has run.
    """
    values = dict(given)
    scripts = (path for element in elements for path in (element.path / "environment.d").glob("*"))
    for path in sorted(scripts, key=lambda script: script.name):
        for line in path.read_text(encoding="utf-8").splitlines():
            if match := _EXPORT.match(line.rstrip()):
                value = _value(match[2], values)
                if value is None:
                    values.pop(match[1], None)
                else:
                    values[match[1]] = value
    return values


def _value(text: str, values: Mapping[str, str]) -> str | None:
    text = text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
    if match := _DEFAULT.match(text):
        known = values.get(match[1])
        return known or _value(match[2], values)
    return None if "$" in text or "`" in text else text


def installs(element: Element, target: Target) -> tuple[str, ...]:
    """Return the names that an element's package-installs installs for a target, before they are mapped.

    A condition on a variable whose value is not known counts as met. Raises EdgeLinuxError.
    """
    found: list[str] = []
    for file in ("package-installs.json", "package-installs.yaml"):
        path = element.path / file
        if not path.is_file():
            continue
        # JSON is YAML, too.
        document = load(path)
        if not isinstance(document.data, dict):
            raise document.error((), "must be a mapping of package names")
        for name, entry in document.data.items():
            entries = entry if isinstance(entry, list) else [entry or {}]
            if any(_wanted(element, parameters or {}, target.environment) for parameters in entries):
                found.append(str(name))
    return tuple(dict.fromkeys(found))


def _wanted(element: Element, parameters: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Say whether one entry asks for its package (package-installs' README)."""
    if "uninstall" in parameters:
        return False
    kind = values.get(
        f"DIB_INSTALLTYPE_{element.name.replace('-', '_')}",
        values.get("DIB_DEFAULT_INSTALLTYPE", _INSTALL_TYPE),
    )
    if parameters.get("installtype", kind) != kind:
        return False
    arch = values["ARCH"]
    if "arch" in parameters and arch not in _listed(parameters["arch"]):
        return False
    if "not-arch" in parameters and arch in _listed(parameters["not-arch"]):
        return False
    python = values.get("DIB_PYTHON_VERSION", "")
    if python and str(parameters.get("dib_python_version", python)) != python:
        return False
    when = parameters.get("when", ())
    return all(_met(statement, values) for statement in ([when] if isinstance(when, str) else when or ()))


def _listed(text: str) -> list[str]:
    return [word.strip() for word in str(text).split(",")]


def _met(statement: str, values: Mapping[str, str]) -> bool:
    match = _WHEN.match(statement)
    if match is None or match[1] not in values:
        return True
    return (values[match[1]] == match[3]) == (match[2] == "=")


def mapped(element: Element, name: str, target: Target) -> tuple[str, ...]:
    """Return what a name is called on the target: one name, several, or none.

    The most specific entry of the element's pkg-map, or of another element's for it, counts: release,
    distribution, family, default. Raises EdgeLinuxError.
    """
    for table in _tables(element, target):
        if name in table:
            return tuple(str(table[name] or "").split())
    return (name,)


def _tables(element: Element, target: Target) -> Iterator[Mapping[str, str]]:
    path = element.pkg_map
    if not path.is_file():
        return
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EdgeLinuxError(f"{path}: {error}") from error
    distro = target.environment.get("DISTRO_NAME", "")
    release = target.environment.get("DIB_RELEASE", "")
    yield data.get("release", {}).get(distro, {}).get(release, {})
    yield data.get("distro", {}).get(distro, {})
    yield data.get("family", {}).get(target.family, {})
    yield data.get("default", {})
