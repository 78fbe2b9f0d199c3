"""The documentation's pictures of the forms."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.screen import Screen
from tests.screenshots import FOLDER, draw

SVG = "{http://www.w3.org/2000/svg}"


def test_a_screen_is_drawn_as_text() -> None:
    screen = Screen()
    screen.feed(b"\x1b[7m bar \x1b[0m\r\n \x1b[1;31m!! <wrong> & red\x1b[0m")
    picture = ET.fromstring(draw(screen, "a & b"))  # noqa: S314  (our own)
    bar, alarm = picture.iter(f"{SVG}text")
    assert (bar.text, alarm.text) == (" bar ", "!! <wrong> & red")
    assert bar.get("fill") != alarm.get("fill")


def test_every_picture_is_shown_and_there() -> None:
    page = (FOLDER.parent / "installer.md").read_text(encoding="utf-8")
    shown = {Path(name).name for name in re.findall(r"\]\((installer/[a-z-]+\.svg)\)", page)}
    assert shown <= {path.name for path in FOLDER.glob("*.svg")}
    assert {"disks.svg", "summary.svg"} <= shown
