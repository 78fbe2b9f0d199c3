"""The few kinds of widgets that forms are made of: rows with an error below, and the keys between them."""

# mypy: disable-error-code="misc"
# (urwid is not looked into.)

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import urwid

__all__ = ["Form", "Row", "button", "buttons", "field", "note", "selectable", "tick"]

Widget = Any
_LABEL = 22


@dataclass(frozen=True)
class Row:
    """A line of a form, or several; `field` is the name under which an error about it comes."""

    widget: Widget
    field: str = ""


def note(text: Any = "", style: str = "") -> Row:
    """Make a paragraph."""
    return Row(urwid.AttrMap(urwid.Text(text), style) if style else urwid.Text(text))


def field(name: str, label: str, text: str = "", *, mask: str | None = None) -> tuple[urwid.Edit, Row]:
    """Make a line to type into, with its label before it."""
    edit = urwid.Edit(edit_text=text, mask=mask, wrap="clip")
    framed = urwid.AttrMap(edit, None, "focus")
    brackets = [(1, urwid.Text("[")), framed, (1, urwid.Text("]"))]
    row = urwid.Columns([(_LABEL, urwid.Text(label)), *brackets], focus_column=2)
    return edit, Row(row, name)


def tick(widget: Widget) -> Widget:
    """Show where the focus is: not by the cursor alone."""
    return urwid.AttrMap(widget, None, "focus")


def button(label: str, action: Callable[[], None]) -> Widget:
    """Make a button."""
    return tick(urwid.Button(label, lambda _: action()))


def buttons(*pairs: tuple[str, Callable[[], None]], focus: int = 0) -> Row:
    """Make a row of buttons."""
    columns = [(len(label) + 4, button(label, action)) for label, action in pairs]
    return Row(urwid.Columns(columns, dividechars=2, focus_column=focus))


def selectable(widget: Widget) -> bool:
    """Say whether a widget takes the focus."""
    return bool(widget.selectable())


class Form(urwid.ListBox):
    """Rows below each other. Tab and Shift-Tab go through everything that takes the focus."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = list(rows)
        self._errors: dict[str, str] = {}
        super().__init__(urwid.SimpleFocusListWalker([]))
        self._fill()
        self.first()

    def change(self, rows: Sequence[Row]) -> None:
        """Show other rows, with the focus on the same place as far as it is there."""
        position = self.focus_position if self._rows else 0
        self._rows = list(rows)
        self._errors = {}
        self._fill()
        self._focus_from(min(position, len(self.body) - 1))

    def first(self) -> None:
        """Go to the first row that takes the focus."""
        self._focus_from(0)

    def last(self) -> None:
        """Go to the last row that takes the focus, and to its first widget."""
        for position in reversed(range(len(self.body))):
            if selectable(self.body[position]):
                self.set_focus(position)
                return

    def show(self, errors: Mapping[str, str]) -> None:
        """Show errors, each below its field, and go to the first of these."""
        self._errors = dict(errors)
        self._fill()
        for row in self._rows:
            if row.field in errors:
                self._focus_from(self.body.index(row.widget))
                # The error, too, shall be in sight.
                self.set_focus_valign("middle")
                return

    def keypress(self, size: tuple[int, int], key: str) -> str | None:
        """Take a key; Tab, Shift-Tab, and Enter in a line to type into go on to the next widget."""
        if key == "enter" and isinstance(_innermost(self.focus), urwid.Edit):
            key = "tab"
        if key in ("tab", "shift tab"):
            self._step(1 if key == "tab" else -1)
            return None
        rest: str | None = super().keypress(size, key)
        return rest

    def _fill(self) -> None:
        position = self.focus_position if self.body else 0
        shown = []
        for row in self._rows:
            shown.append(row.widget)
            if row.field and row.field in self._errors:
                shown.append(urwid.AttrMap(urwid.Text(f"  !! {self._errors[row.field]}"), "error"))
        self.body[:] = shown
        if shown:
            self.set_focus(min(position, len(shown) - 1))

    def _focus_from(self, position: int) -> None:
        order = [*range(position, len(self.body)), *range(position)]
        found = next((number for number in order if selectable(self.body[number])), None)
        if found is not None:
            self.set_focus(found)

    def _step(self, way: int) -> None:
        if _step_columns(self.focus, way):
            return
        order: Iterable[int] = (
            (self.focus_position + way * step) % len(self.body) for step in range(1, len(self.body) + 1)
        )
        for position in order:
            widget = self.body[position]
            if selectable(widget):
                self.set_focus(position, coming_from="above" if way > 0 else "below")
                _enter_columns(widget, way)
                return


def _parts(columns: urwid.Columns) -> list[int]:
    return [number for number, (part, _) in enumerate(columns.contents) if selectable(part)]


def _step_columns(widget: Widget, way: int) -> bool:
    if not isinstance(widget, urwid.Columns):
        return False
    after = [number for number in _parts(widget) if (number - widget.focus_position) * way > 0]
    if not after:
        return False
    widget.focus_position = min(after) if way > 0 else max(after)
    return True


def _enter_columns(widget: Widget, way: int) -> None:
    if isinstance(widget, urwid.Columns) and (parts := _parts(widget)):
        widget.focus_position = parts[0] if way > 0 else parts[-1]


def _innermost(widget: Widget) -> Widget:
    while widget is not None:
        inner = getattr(widget, "original_widget", None) or getattr(widget, "focus", None)
        if inner is None or inner is widget:
            return widget
        widget = inner
    return None
