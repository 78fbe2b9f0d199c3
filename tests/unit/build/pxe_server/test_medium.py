"""The tree's files over HTTP: whole, in parts, and nothing else."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from edgelinux_build.pxe.server import State

from tests.unit.build.pxe_server.conftest import MAC, OTHER, Lab, until
from tests.unit.build.pxe_server.trees import SQUASHFS, make_tree

SYSTEM = "/medium/live/edgelinux.squashfs"


def ask(lab: Lab, request: bytes) -> bytes:
    """Send bytes that no HTTP client would; the first line of the answer."""
    where = urlsplit(lab.server.http_url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(request)
        return connection.recv(4096).splitlines()[0]


def test_the_system_whole(lab: Lab) -> None:
    answer = lab.get(SYSTEM)
    assert answer.content == SQUASHFS
    assert answer.headers["accept-ranges"] == "bytes"
    assert lab.get("/medium/live/SHA512SUMS").text.endswith("  edgelinux.squashfs\n")
    assert lab.get("/grub/x86_64-efi/core.efi").content == b"MZ"


@pytest.mark.parametrize("path", [SYSTEM, f"/boot/grub.cfg?mac={MAC}"])
def test_grub_sees_how_long_it_is(lab: Lab, path: str) -> None:
    """It knows the header in one spelling only."""
    names = [name for name, _ in lab.get(path).headers.raw]
    assert b"Content-Length" in names
    assert b"Transfer-Encoding" not in names


def test_how_large_a_file_is(lab: Lab) -> None:
    with lab.client(lab.server.http_url) as client:
        answer = client.head(SYSTEM)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(SQUASHFS))


def test_a_download_goes_on_where_it_stopped(lab: Lab) -> None:
    half = len(SQUASHFS) // 2
    first = lab.get(SYSTEM, headers={"Range": f"bytes=0-{half - 1}"})
    etag = first.headers["etag"]
    rest = lab.get(SYSTEM, headers={"Range": f"bytes={half}-", "If-Range": etag})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert rest.headers["content-range"] == f"bytes {half}-{len(SQUASHFS) - 1}/{len(SQUASHFS)}"
    assert first.content + rest.content == SQUASHFS
    # Of another file there is no rest.
    assert lab.get(SYSTEM, headers={"Range": f"bytes={half}-", "If-Range": '"other"'}).status_code == 200
    assert lab.get(SYSTEM, headers={"Range": f"bytes={len(SQUASHFS)}-"}).status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        *("/../state/key.pem", "/medium/../../state/key.pem", "/%2e%2e/state/key.pem"),
        *("/medium/..%2f..%2fstate/key.pem", "//etc/passwd", "/etc/passwd", "/medium//etc/passwd"),
        *("/medium/%00", "/medium/" + "x" * 5000, "/", "/medium", "/medium/", "/medium/nothing"),
        *("/medium/edgelinux/ks.cfg", "/medium/./edgelinux//ks.cfg", "/medium/boot/../edgelinux/ks%2Ecfg"),
    ],
)
def test_what_is_not_served(lab: Lab, path: str) -> None:
    assert ask(lab, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == b"HTTP/1.1 404 Not Found"


def test_links_that_lead_out_are_not_followed(lab: Lab, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "linked")
    (tree / "medium/key").symlink_to(lab.config.state_dir / "key.pem")
    (tree / "medium/state").symlink_to(lab.config.state_dir)
    (tree / "medium/loop").symlink_to("loop")
    (tree / "medium/kernel").symlink_to("boot/vmlinuz")
    lab.restart(tree=tree)
    for path in ("/medium/key", "/medium/state/key.pem", "/medium/loop"):
        assert lab.get(path).status_code == 404
    assert lab.get("/medium/kernel").status_code == 200


def test_nothing_can_be_put_there(lab: Lab) -> None:
    with lab.client(lab.server.http_url) as client:
        for method in ("PUT", "POST", "DELETE"):
            assert client.request(method, "/medium/boot/vmlinuz", content=b"x").status_code == 405


def test_how_far_a_download_is_can_be_seen(lab: Lab) -> None:
    lab.boot(MAC, "127.0.0.1")
    lab.boot(OTHER, "127.0.0.2")
    assert lab.get("/medium/boot/vmlinuz").status_code == 200
    assert lab.machine().state is State.BOOTING
    lab.get(SYSTEM, headers={"Range": f"bytes=0-{len(SQUASHFS) // 2 - 1}"})
    until(lambda: lab.machine().event == "stopped at 50 % of the system")
    assert (lab.machine().state, lab.machine().percent) == (State.MEDIUM, 50)
    lab.get(SYSTEM, headers={"Range": f"bytes={len(SQUASHFS) // 2}-"})
    until(lambda: lab.machine().event == "has the system")
    assert lab.machine().percent == 100
    assert lab.machine(OTHER).state is State.LOADING
    texts = [line["text"] for line in lab.journal() if line["mac"] == MAC]
    assert texts[-4:] == [
        *("fetches the system", "stopped at 50 % of the system"),
        *("goes on at 50 % of the system", "has the system"),
    ]


def test_a_client_that_goes_away_has_not_got_it_all(lab: Lab, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "large", bytes(64 * 1024**2))
    lab.restart(tree=tree)
    lab.boot()
    where = urlsplit(lab.server.http_url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(f"GET {SYSTEM} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = 0
        while received < 1024**2:
            received += len(connection.recv(65536))
    until(lambda: lab.machine().event.startswith("stopped at"))
    percent = lab.machine().percent
    assert percent is not None
    assert percent < 90
