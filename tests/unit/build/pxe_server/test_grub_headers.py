"""GRUB compares the names of headers byte by byte, so they are tried on the wire."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest
from edgelinux_build.pxe.server import PxeServer, ServerConfig

from tests.unit.build.pxe_server.conftest import MAC


@pytest.mark.parametrize("path", [f"/boot/grub.cfg?mac={MAC}", "/medium/live/SHA512SUMS"])
def test_grub_finds_the_length(config: ServerConfig, path: str) -> None:
    server = PxeServer(config)
    server.start()
    try:
        parts = urlsplit(server.http_url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: GRUB 2.12\r\n\r\n".encode())
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nContent-Length: " in answer
    finally:
        server.stop()
