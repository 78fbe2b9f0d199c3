"""What the web server of a network boot takes in memory while two machines fetch the system at once.

`python -m tests.bench.pxeserver TREE STATE` is that server: prints its URL, ends with its standard input.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import edgelinux_build.cli
import psutil
from edgelinux_build.pxe.server import PxeServer, ServerConfig

from tests.bench.report import Figure, Report
from tests.unit.build.pxe_server.trees import make_tree

__all__ = ["measure_pxe_server"]

SYSTEM = 350 * 1000**2
CLIENTS = 2


def measure_pxe_server(report: Report, scratch: Path) -> None:
    """Measures a server in a process of its own, which has all that `edgelinux` has loaded."""
    tree = make_tree(scratch / "pxe-tree")
    with (tree / "medium/live/edgelinux.squashfs").open("r+b") as file:
        file.truncate(SYSTEM)
    argv = [sys.executable, "-m", "tests.bench.pxeserver", str(tree), str(scratch / "pxe-state")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        seconds, megabytes = _fetch(f"{url}/medium/live/edgelinux.squashfs", psutil.Process(server.pid))
    report.add(
        Figure("PXE server's memory, two clients", megabytes, "MB", 90),
        Figure("PXE server, 350 MB to two clients at once", seconds, "s"),
    )


def _fetch(url: str, server: psutil.Process) -> tuple[float, float]:
    """How many seconds it took, and the most resident memory of the server meanwhile, in MB."""
    sizes: list[int] = []
    clients = [threading.Thread(target=lambda: sizes.append(_read(url))) for _ in range(CLIENTS)]
    started = time.monotonic()
    most = server.memory_info().rss
    for client in clients:
        client.start()
    while any(client.is_alive() for client in clients):
        most = max(most, server.memory_info().rss)
        time.sleep(0.05)
    assert sizes == [SYSTEM] * CLIENTS, sizes
    return time.monotonic() - started, most / 1e6


def _read(url: str) -> int:
    size = 0
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  (this bench's own server)
        while piece := answer.read(1024**2):
            size += len(piece)
    return size


def main() -> None:
    assert edgelinux_build.cli.__name__
    server = PxeServer(ServerConfig(Path(sys.argv[1]), "127.0.0.1", 0, 0, None, Path(sys.argv[2])))
    server.start()
    print(server.http_url, flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
