"""Texts that look like kickstarts, for property tests."""

from __future__ import annotations

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.kickstart.supported import COMMANDS, SECTIONS
from hypothesis import strategies as st

__all__ = ["kickstart_lines", "unreachable"]


def unreachable(where: str) -> str:
    raise EdgeLinuxError(f"{where} cannot be reached")


TABLE = {**COMMANDS, **SECTIONS}
VALUES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["1", "sda", "a,b", "192.0.2.1", "2001:db8::1/64", "link", "mode=1", "stp=yes", "/x", "mbr"]
    ),
)


@st.composite
def kickstart_lines(draw: st.DrawFn) -> str:
    """A line that looks like one: a command with some of its options, or a section."""
    name = draw(
        st.sampled_from([*TABLE, "%include", "%ksappend", "%addon edgelinux_zfs", "select =", "%end"])
    )
    known = sorted(TABLE[name].options) if name in TABLE else []
    options = draw(st.lists(st.sampled_from(known), max_size=4)) if known else []
    words = [name, *(f"{option}={draw(VALUES)}" if draw(st.booleans()) else option for option in options)]
    return " ".join([*words, draw(VALUES)] if draw(st.booleans()) else words)
