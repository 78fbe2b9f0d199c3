"""Rendering template XML: Jinja2 in its sandbox, with the variables that template files have always had."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from edgelinux_hostd.antlets import numbers
from edgelinux_hostd.antlets.spec import AntletSpec
from edgelinux_hostd.errors import InvalidError

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["FILE", "Variables", "render", "variables"]

FILE = "antlet.xml.j2"


@dataclass(frozen=True)
class Variables:
    """What template XML may speak of, and nothing else.

    `name` is the antlet's name, `ram` its memory in MiB, `cpu` its number of virtual processors, `iphex` its
    number as the two hexadecimal digits that end its MAC.
    """

    name: str
    ram: int
    cpu: int
    iphex: str


def variables(spec: AntletSpec) -> Variables:
    """Give the variables of an antlet."""
    return Variables(spec.name, spec.ram, spec.cpu, numbers.iphex(spec.number))


def render(text: str, values: Variables, where: str = FILE) -> str:
    """Render template XML; `where` names the file in errors. Raises InvalidError with file and line."""
    from jinja2 import TemplateError, TemplateSyntaxError

    known = asdict(values)
    try:
        return _compile(text).render(known)
    except TemplateSyntaxError as error:
        raise InvalidError(f"{where}: line {error.lineno}: {error.message}") from None
    except Exception as error:
        # Whatever a template's expression raises: undefined names, forbidden attributes, a division by zero.
        message = error.message if isinstance(error, TemplateError) else str(error)
        line = _line(error)
        raise InvalidError(
            f"{where}: {f'line {line}: ' if line else ''}{message or type(error).__name__}",
            hint=f"variables are {', '.join(known)}",
        ) from None


@lru_cache(maxsize=16)
def _compile(text: str) -> Template:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # XML needs no more of HTML's escaping than &, <, > and quotes; no loader, so nothing can be included.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=True, keep_trailing_newline=True
    )
    environment.globals.clear()
    return environment.from_string(text)


def _line(error: BaseException) -> int:
    """Find the template's line: Jinja2 rewrites tracebacks so that its frames have the template's own."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
