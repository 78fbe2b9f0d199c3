"""Reads YAML together with the line of every key, so that messages can say where a value stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["Location", "Problem", "YamlError", "dotted", "read_yaml"]

Location = tuple[str | int, ...]


class Problem(EdgeLinuxError):
    """One thing that is wrong with a file: `file:line: key: message; what to do`."""

    def __init__(self, file: str, line: int, key: str, message: str, hint: str = "") -> None:
        self.file, self.line, self.key = file, line, key
        where = f"{file}:{line}" if line else file
        text = f"{where}: {key}: {message}" if key else f"{where}: {message}"
        super().__init__(f"{text}; {hint}" if hint else text, exit_code=2)


class YamlError(EdgeLinuxError):
    """Everything that is wrong with a file; the message has one line for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.message for problem in problems), exit_code=2)

    def __str__(self) -> str:
        return self.message


def dotted(location: Location) -> str:
    """Write a location as a person would: ("users", 0, "name") → users[0].name."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def read_yaml(text: str, file: str) -> tuple[Any, dict[Location, int]]:
    """Give the document and the line of each location in it. Raises YamlError.

    The empty location () is the document itself. An empty document is an empty mapping.
    """
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                return {}, {(): 1}
            lines: dict[Location, int] = {}
            problems = list(_walk(root, (), lines, file, ()))
            if problems:
                raise YamlError(problems)
            return loader.construct_document(root), lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        message = f"not valid YAML: {error.problem or error.context}"
        raise YamlError([Problem(file, line, "", message, "check indentation, colons and quotes")]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError([Problem(file, 0, "", f"not valid YAML: {' '.join(str(error).split())}")]) from error


def _walk(
    node: yaml.Node, at: Location, lines: dict[Location, int], file: str, above: tuple[int, ...]
) -> Iterator[Problem]:
    """Note the line of every location; find keys that are no text or stand twice."""
    lines.setdefault(at, node.start_mark.line + 1)
    if id(node) in above:
        yield Problem(file, node.start_mark.line + 1, dotted(at), "an alias refers to what it stands in")
        return
    above = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _walk(item, (*at, number), lines, file, above)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                yield Problem(file, line, dotted(at), "a key here is not a name", "write `name: value`")
                continue
            location = (*at, key.value)
            if location in lines:
                yield Problem(
                    file,
                    line,
                    dotted(location),
                    f"is given twice, first on line {lines[location]}",
                    "keep one",
                )
                continue
            lines[location] = line
            yield from _walk(value, location, lines, file, above)
