"""The full-screen program: a page at a time, dialogs over it, and work that does not stop the keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import urwid
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.interactive.answers import Answers, first_answers, one_line
from edgelinux_installer.interactive.doing import Doing
from edgelinux_installer.interactive.terminal import COLUMNS, PALETTE, ROWS, Terminal
from edgelinux_installer.interactive.threads import background
from edgelinux_installer.interactive.turn import Turn
from edgelinux_installer.interactive.widgets import Form, Row, buttons, note
from edgelinux_installer.interactive.world import World

__all__ = ["App", "Page"]

T = TypeVar("T")

_KEYS = "Tab, arrows: move   Space: choose   Enter: go on   Esc: back   Ctrl-C: leave"
_POLL_SECONDS = 1.0
# Narrower or lower than this nothing can be shown.
_LEAST_COLUMNS, _LEAST_ROWS = 40, 10


class Page(Protocol):
    """One screen of the installer."""

    title: str

    def rows(self) -> list[Row]:
        """Give what is on it, for the answers so far."""

    def back(self) -> None:
        """Do what Esc does."""


class App:
    """The program. `dry`: everything but the installation; `outcome` is its exit code."""

    def __init__(
        self, world: World, doing: Doing, terminal: Terminal, screen: Any, turn: Turn, *, dry: bool = False
    ) -> None:
        self.world = world
        self.doing = doing
        self.terminal = terminal
        self.turn = turn
        self.dry = dry
        self.answers: Answers = first_answers(world)
        self.last_words: list[str] = []
        self.outcome = 1
        self.form = Form([])
        self.page: Page | None = None
        self.busy = False
        self._pages: list[Page] = []
        self._number = 0
        self._above: list[tuple[Form, str]] = []
        self._left = urwid.Text("")
        self._right = urwid.Text("", align="right")
        self._hint = urwid.Text("", wrap="clip")
        self._frame = urwid.Frame(urwid.SolidFill(" "), self._header(), self._footer())
        self.loop = urwid.MainLoop(
            self._frame,
            PALETTE,
            screen,
            handle_mouse=False,
            input_filter=self._filter,
            unhandled_input=self._unhandled,
        )

    # --- what is shown ------------------------------------------------------------------------

    def run(self, pages: Sequence[Callable[[App], Page]]) -> int:
        """Show the first page, and work until somebody leaves; returns the exit code."""
        self._pages = [make(self) for make in pages]
        self.go(0)
        self._poll()
        self.loop.run()
        return self.outcome

    def go(self, way: int) -> None:
        """Go to the next page (1), to the one before (-1), or to the one where the forms were left (0)."""
        self._number += way
        self.show(self._pages[self._number])

    def show(self, page: Page) -> None:
        """Go to a page."""
        self.page = page
        self._above.clear()
        self.form = Form(page.rows())
        self._place(self.form, page.title)

    def refresh(self) -> None:
        """Show the page's rows anew, with the focus where it is."""
        if self.page is not None and not self._above:
            self.form.change(self.page.rows())

    def errors(self, found: Mapping[str, str]) -> None:
        """Show errors below their fields."""
        self.form.show(found)

    def dialog(self, title: str, rows: list[Row], *, focus_last: bool = True) -> None:
        """Show something over the page, until `close`."""
        self._above.append((self.form, self.form_title))
        self.form = Form(rows)
        if focus_last:
            self.form.last()
        self._place(self.form, title)

    def close(self) -> None:
        """Close the dialog."""
        self.form, title = self._above.pop()
        self._place(self.form, title)

    def tell(self, title: str, text: str) -> None:
        """Show a text until a person has read it."""
        self.dialog(title, [note(text), note(), buttons(("Close", self.close))])

    def leave(self, outcome: int = 1, *words: str) -> None:
        """End the program; `words` stand on the terminal afterwards."""
        self.outcome = outcome
        self.last_words += words
        raise urwid.ExitMainLoop

    def ask_to_leave(self) -> None:
        """Ask whether to leave; nothing has been changed so far."""
        if self.form_title == _LEAVING:
            return
        rows = [
            note("Nothing on this machine's disks has been changed."),
            note("What was typed is lost; edgelinux-install --interactive begins anew."),
            note(),
            buttons(("Go on installing", self.close), ("Leave", lambda: self.leave(0 if self.dry else 1))),
        ]
        self.dialog(_LEAVING, rows)

    # --- work meanwhile -----------------------------------------------------------------------

    def work(self, what: str, action: Callable[[], T], done: Callable[[T], None], field: str) -> None:
        """Do something that takes time, with a word about it; an error of it comes below `field`."""
        self.busy = True
        self.hint(f"{what} ...")

        def finished(result: T | None, error: EdgeLinuxError | None) -> None:
            self.busy = False
            self.hint()
            if error is not None:
                self.errors({field: one_line(error)})
            else:
                done(result)  # type: ignore[arg-type]

        background(self.loop, action, finished)

    def hint(self, text: str = _KEYS) -> None:
        """Say something in the last line."""
        self._hint.set_text(f" {text}")

    # --- keys ---------------------------------------------------------------------------------

    def _filter(self, keys: list[Any], _raw: list[int]) -> list[Any]:
        pressed = [key for key in keys if key != "window resize"]
        if pressed and not self.turn.take():
            self._look_whose_turn()
            return [key for key in keys if key == "window resize"]
        if self.busy and "ctrl c" not in keys:
            return [key for key in keys if key == "window resize"]
        self.busy = False
        return keys

    def _unhandled(self, key: Any) -> bool | None:
        if key == "ctrl c":
            stop = getattr(self.page, "ask_to_stop", self.ask_to_leave)
            stop()
        elif key == "ctrl l":
            self.loop.screen.clear()
        elif key == "esc":
            if self._above:
                self.close()
            elif self.page is not None:
                self.page.back()
        else:
            return None
        return True

    # --- the frame ----------------------------------------------------------------------------

    @property
    def form_title(self) -> str:
        """Give the title of what is on top."""
        return str(self._right.text).strip()

    @property
    def height(self) -> int:
        """Give the number of lines that a page has."""
        return int(self.loop.screen.get_cols_rows()[1]) - 4

    def _place(self, form: Form, title: str) -> None:
        self._right.set_text(f"{title} ")
        self.hint()
        self._look_whose_turn()

    def _header(self) -> Any:
        image = self.world.image
        self._left.set_text(f" {image.product} {image.version} installer{' (dry run)' if self.dry else ''}")
        bar = urwid.Columns([("weight", 3, self._left), ("weight", 2, self._right)])
        return urwid.Pile([urwid.AttrMap(bar, "bar"), urwid.Divider()])

    def _footer(self) -> Any:
        return urwid.Pile([urwid.Divider(self.terminal.line), urwid.AttrMap(self._hint, "bar")])

    def _poll(self, *_: Any) -> None:
        """Look after the size, and whether another console has begun."""
        self._look_whose_turn()
        self.loop.set_alarm_in(_POLL_SECONDS, self._poll)

    def _look_whose_turn(self) -> None:
        columns, rows = self.loop.screen.get_cols_rows()
        if other := self.turn.taken_by():
            self._cover(f"The installer runs on {other}.\n\nThis console waits for it; any key tries again.")
        elif columns < _LEAST_COLUMNS or rows < _LEAST_ROWS:
            self._cover(f"too small: {columns}x{rows}, of {COLUMNS}x{ROWS}")
        else:
            if getattr(self._frame.body, "original_widget", None) is not self.form:
                self._frame.body = urwid.Padding(self.form, left=1, right=1)

    def _cover(self, text: str) -> None:
        if getattr(self._frame.body, "covered", "") != text:
            cover = urwid.Filler(urwid.Text(text), "top")
            cover.covered = text
            self._frame.body = cover


_LEAVING = "Leave the installer?"
