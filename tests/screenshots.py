"""`python -m tests.screenshots`: pictures of the text installer for the documentation, as SVG.

The forms run on a pseudo-terminal, on the recorded machine of their tests; what a person would see is drawn.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from tests.screen import Screen, Terminal
from tests.unit.installer.interactive.machine import KEY

__all__ = ["draw", "main", "shoot"]

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/installer"
CHILD = "tests.unit.installer.interactive.child"

# Pixels of a character, and around all of them.
_WIDTH, _HEIGHT, _EDGE = 9, 19, 12
_FONT = "ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace"
_PAPER, _INK, _BAR, _ALARM = "#16181d", "#d6d9df", "#c3c7cf", "#ff7b72"


def draw(screen: Screen, title: str) -> str:
    """Give a screen as SVG: text stays text, and bars are drawn below it."""
    columns, rows = screen.picture.columns, screen.picture.lines
    whole, height = columns * _WIDTH + 2 * _EDGE, rows * _HEIGHT + 2 * _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {height}" width="{whole}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{whole}" height="{height}" rx="6" fill="{_PAPER}"/>',
        f'<g font-family="{_FONT}" font-size="15" fill="{_INK}">',
    ]
    for y in range(rows):
        for start, text, bar, alarm in _runs(screen, y):
            left, top, width = _EDGE + start * _WIDTH, _EDGE + y * _HEIGHT, len(text) * _WIDTH
            if bar:
                place = f'x="{left}" y="{top}" width="{width}" height="{_HEIGHT}"'
                parts.append(f'<rect {place} fill="{_BAR}"/>')
            if text.strip():
                ink = f' fill="{_PAPER}"' if bar else f' fill="{_ALARM}" font-weight="bold"' if alarm else ""
                parts.append(
                    f'<text x="{left}" y="{top + 14}" textLength="{width}"'
                    f' xml:space="preserve"{ink}>{escape(text)}</text>'
                )
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _runs(screen: Screen, y: int) -> list[tuple[int, str, bool, bool]]:
    """Give the stretches of a line that look alike: where, the text, whether on a bar, whether in alarm."""
    found: list[tuple[int, str, bool, bool]] = []
    line = screen.picture.buffer[y]
    for x in range(screen.picture.columns):
        sign = line[x]
        bar = sign.reverse or sign.bg not in ("default", "black")
        alarm = "red" in sign.fg
        if found and found[-1][2:] == (bar, alarm):
            start, text, *_ = found[-1]
            found[-1] = (start, text + sign.data, bar, alarm)
        else:
            found.append((x, sign.data, bar, alarm))
    return [(start, text if bar else text.rstrip(), bar, alarm) for start, text, bar, alarm in found]


def shoot(picture: Callable[[Screen, str], None]) -> None:
    """Go through the forms as a person would, with a picture of each."""
    child = [sys.executable, "-m", CHILD]
    with tempfile.TemporaryDirectory() as folder, Terminal([*child, folder, "slow"]) as terminal:
        terminal.wait_for("Continue")
        picture(terminal, "welcome")
        terminal.choose("Continue")
        terminal.wait_for("1 of 5")
        for name in ("/dev/nvme0n1", "/dev/nvme1n1"):
            terminal.go_to(name)
            terminal.type("space")
        picture(terminal, "disks")
        terminal.choose("Continue")
        terminal.wait_for("2 of 5")
        terminal.go_to("Host name")
        terminal.type(*["backspace"] * 9, "edge1")
        terminal.choose("Check the network now")
        terminal.wait_for("name server")
        picture(terminal, "network")
        terminal.choose("Continue")
        terminal.wait_for("3 of 5")
        terminal.choose("Time zone")
        terminal.wait_for("Search")
        terminal.type("ber")
        terminal.wait_for("Bern")
        picture(terminal, "time-zone")
        terminal.choose("Europe/Berlin")
        terminal.choose("Continue")
        terminal.wait_for("4 of 5")
        terminal.go_to("SSH key")
        terminal.type(KEY)
        terminal.choose("Add the key")
        terminal.wait_for("Accept these keys")
        terminal.choose("Accept")
        terminal.go_to("Password of root")
        terminal.type("correct horse", "tab", "correct house")
        terminal.choose("Continue")
        terminal.wait_for("!!")
        picture(terminal, "logging-in")
        terminal.go_to("The same again")
        terminal.type("backspace", "backspace", "backspace", "rse")
        terminal.choose("Continue")
        terminal.wait_for("5 of 5")
        picture(terminal, "summary")
        terminal.go_to("Type erase to install")
        terminal.type("erase")
        terminal.choose("Install")
        terminal.wait_for("Writing the system")
        picture(terminal, "installing")


def main() -> None:
    """Write the pictures into docs/installer."""
    FOLDER.mkdir(exist_ok=True)

    def save(screen: Screen, name: str) -> None:
        (FOLDER / f"{name}.svg").write_text(draw(screen, f"Text installer: {name}"), encoding="utf-8")
        print(screen.text if "-v" in sys.argv else name)

    shoot(save)


if __name__ == "__main__":
    main()
