"""The announcement as text: above the log-in prompt, and as lines that programs find in a console's log."""

from __future__ import annotations

from collections.abc import Iterable

from edgelinux_hostd.announce.facts import Facts

__all__ = ["PREFIX", "block", "find_announcement", "issue", "plain"]

PREFIX = "edgeLinux: "
_LAST = "that is all"


def plain(facts: Facts) -> str:
    """Write the announcement for people."""
    width = max(map(len, facts.addresses), default=0)
    lines = [facts.title, f"host {facts.hostname}"]
    lines += [f"  {name:<{width}}  {'  '.join(found)}" for name, found in facts.addresses.items()]
    if not facts.addresses:
        lines.append("  no network address yet")
    lines += [f"  {one}" for one in facts.fingerprints]
    lines += [f"{'next:' if number == 0 else '     '} {step}" for number, step in enumerate(facts.next)]
    return "\n".join(lines)


def issue(facts: Facts) -> str:
    """Write what agetty(8) shows above the prompt (issue(5)), to which backslashes are escapes."""
    return f"\n{plain(facts)}\n\n".replace("\\", "\\\\")


def block(facts: Facts) -> tuple[str, ...]:
    """Write the announcement as lines `edgeLinux: KEY VALUE`, for a console that is logged.

    The first key is `product`, the last line `edgeLinux: that is all`; in between are `host`, `address
    INTERFACE ADDRESS`, `fingerprint` and `next`, as often as there is one.
    """
    lines = [f"product {facts.title}", f"host {facts.hostname}"]
    lines += [f"address {name} {address}" for name, found in facts.addresses.items() for address in found]
    lines += [f"fingerprint {one}" for one in facts.fingerprints]
    lines += [f"next {step}" for step in facts.next]
    return tuple(f"{PREFIX}{line}" for line in (*lines, _LAST))


def find_announcement(console: Iterable[str]) -> Facts | None:
    """Read the last whole announcement on a console's lines; `product` is its whole title then."""
    whole: Facts | None = None
    found: dict[str, list[str]] | None = None
    for line in console:
        # Whatever was on the line before, a prompt perhaps.
        _, prefix, said = line.partition(PREFIX)
        key, _, value = said.strip().partition(" ")
        if not prefix:
            continue
        if key == "product":
            found = {}
        if found is None:
            continue
        if said.strip() == _LAST:
            whole, found = _facts(found), None
            continue
        found.setdefault(key, []).append(value)
    return whole


def _facts(found: dict[str, list[str]]) -> Facts:
    addresses: dict[str, tuple[str, ...]] = {}
    for line in found.get("address", ()):
        interface, _, address = line.partition(" ")
        addresses[interface] = (*addresses.get(interface, ()), address)
    return Facts(
        product=found["product"][0],
        hostname=found.get("host", [""])[0],
        addresses=addresses,
        fingerprints=tuple(found.get("fingerprint", ())),
        next=tuple(found.get("next", ())),
    )
