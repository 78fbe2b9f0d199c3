"""Names in the antlets' DNS domain: the host, each number's name, and antlets' own names, as a hosts file.

dnsmasq watches the file's directory, so a name is known as soon as the file is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edgelinux_hostd.antlets.numbers import FIRST, LAST, NETWORK, address, gateway, host_name
from edgelinux_hostd.errors import EdgeLinuxError, InvalidError
from edgelinux_hostd.network.bblv import HOSTS_DIRECTORY
from edgelinux_hostd.whole import write_whole

__all__ = ["FILE", "check_own_name", "prepare", "render", "write"]

FILE = HOSTS_DIRECTORY / "antlets"

# Names that mean the host, or that clients ask for to be told whom to trust.
_RESERVED = {"host", "localhost", "wpad", "isatap"}


def check_own_name(name: str, number: int) -> str:
    """Return a name that an antlet of this number can be reached by; raises InvalidError.

    antletN belongs to the antlet with that number, and a few names mean something else to everybody.
    """
    taken = {host_name(other) for other in range(FIRST, LAST + 1)} - {host_name(number)}
    if name in taken:
        raise InvalidError(f"{name} is the name of antlet number {name.removeprefix('antlet')}, not {number}")
    if name in _RESERVED:
        raise InvalidError(f"{name!r} cannot name an antlet", hint=f"{name}.{NETWORK} means something else")
    return name


def render(base_ip: str, antlets: Iterable[tuple[str, int]]) -> str:
    """Render the hosts file from antlets' names and numbers; names that cannot be are left out."""
    own: dict[int, list[str]] = {}
    for name, number in sorted(antlets):
        try:
            own.setdefault(number, []).append(check_own_name(name, number))
        except InvalidError:
            # It came with its dataset, from a pool that was imported; the others' names must not suffer.
            continue
    lines = [f"{gateway(base_ip)} host.{NETWORK} host"]
    for number in range(FIRST, LAST + 1):
        # The number's name first: it is what the address is called when asked the other way round.
        names = dict.fromkeys([host_name(number), *own.get(number, [])])
        lines.append(" ".join([address(base_ip, number), *(f"{name}.{NETWORK} {name}" for name in names)]))
    return "".join(f"{line}\n" for line in lines)


def prepare(directory: Path = HOSTS_DIRECTORY) -> None:
    """Make the directory that dnsmasq, which is not root, must be able to read before it starts."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        above = directory.parent
        above.chmod(above.stat().st_mode | 0o011)
    except OSError as error:
        raise EdgeLinuxError(f"cannot make {directory}: {error.strerror}") from error


def write(base_ip: str, antlets: Iterable[tuple[str, int]], path: Path = FILE) -> bool:
    """Write the hosts file; true when that changed something. Raises EdgeLinuxError."""
    return write_whole(path, render(base_ip, antlets), 0o644, durable=False)
