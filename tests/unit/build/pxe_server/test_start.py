"""Starting: what stands against it is said at once, in one line."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.pxe.server import PortInUseError, PortRightError, PxeServer, ServerConfig
from edgelinux_build.pxe.server.certificate import keep_certificate
from edgelinux_build.pxe.server.sockets import listen
from edgelinux_hostd.errors import EdgeLinuxError

NOBODY = 65534


def test_a_port_in_use(config: ServerConfig) -> None:
    me = f"{Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for taken in ({"http_port": port}, {"https_port": port}):
            server = PxeServer(replace(config, **taken))
            with pytest.raises(PortInUseError) as raised:
                server.start()
            assert str(raised.value).startswith(f"port in use: {me} listens at 127.0.0.1:{port}, which ")
            assert "--http-port" in str(raised.value) or "--https-port" in str(raised.value)
            assert raised.value.exit_code == 1
    # The other port was given back, and nothing runs.
    free = PxeServer(replace(config, http_port=port))
    free.start()
    free.stop()


def test_ports_come_before_everything_else(config: ServerConfig, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        wrong = replace(config, http_port=port, tree=tmp_path / "nothing", state_dir=tmp_path / "none")
        with pytest.raises(PortInUseError):
            PxeServer(wrong).start()
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_no_right_to_listen() -> None:
    script = (
        "import os\n"
        "from edgelinux_build.pxe.server.sockets import listen\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "try:\n"
        "    listen('127.0.0.1', 80, 'boot files', '--http-port', ('pxe', 'serve', '--interface', 'eth 0'))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error.exit_code, error)\n"
    )
    # A network namespace of its own, so that the port is free and its limit the kernel's own.
    done = subprocess.run(
        [
            "unshare",
            "--net",
            sys.executable,
            "-c",
            f"import subprocess; subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)\n{script}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    kind, code, message = done.stdout.strip().split(" ", 2)
    assert (kind, code) == (PortRightError.__name__, "3")
    assert message.startswith("no right to listen at 127.0.0.1:80 for boot files (run: sudo ")
    assert message.endswith(
        "edgelinux_build.cli pxe serve --interface 'eth 0'; or --http-port 1024 or higher)"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can set the kernel's limit")
def test_the_kernels_own_limit_counts() -> None:
    script = (
        "import os, subprocess\n"
        "from pathlib import Path\n"
        "subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)\n"
        "Path('/proc/sys/net/ipv4/ip_unprivileged_port_start').write_text('8000')\n"
        "from edgelinux_build.pxe.server.sockets import listen\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "listen('127.0.0.1', 8000, 'boot files', '--http-port')\n"
        "try:\n"
        "    listen('127.0.0.1', 7999, 'boot files', '--http-port')\n"
        "except Exception as error:\n"
        "    print(error)\n"
    )
    argv = ["unshare", "--net", sys.executable, "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("no right to listen at 127.0.0.1:7999 for boot files (run it as root; ")
    assert done.stdout.endswith("or --http-port 8000 or higher)\n")


@pytest.mark.parametrize(
    ("address", "port", "says"),
    [
        ("192.0.2.77", 8000, "this machine has no address 192.0.2.77"),
        ("127.0.0.1", 70000, "there is no port 70000"),
        ("not an address", 8000, "cannot listen at not an address:8000"),
    ],
)
def test_what_cannot_be_listened_at(address: str, port: int, says: str) -> None:
    with pytest.raises(EdgeLinuxError, match=says):
        listen(address, port, "boot files", "--http-port")


def test_no_tree(config: ServerConfig, tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match=r"is not a network boot tree: cannot read .*media\.json"):
        PxeServer(replace(config, tree=tmp_path)).start()


def test_a_state_that_everybody_could_read(config: ServerConfig) -> None:
    within = replace(config, state_dir=config.tree / "medium/state")
    with pytest.raises(EdgeLinuxError, match="all of which anybody can read"):
        PxeServer(within).start()
    assert not within.state_dir.exists()


def test_the_certificate_is_made_once_and_private(tmp_path: Path) -> None:
    first = keep_certificate(tmp_path, "192.0.2.1")
    assert keep_certificate(tmp_path, "192.0.2.1") == first
    for path in (first.key, first.certificate):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    argv = ["openssl", "x509", "-in", str(first.certificate), "-noout", "-fingerprint", "-sha256"]
    argv += ["-ext", "subjectAltName"]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert first.pin in shown.replace(":", "").lower()
    assert "IP Address:192.0.2.1" in shown


@pytest.mark.parametrize("name", ["key.pem", "certificate.pem"])
def test_a_certificate_that_is_damaged_is_not_replaced_in_silence(tmp_path: Path, name: str) -> None:
    keep_certificate(tmp_path, "192.0.2.1")
    (tmp_path / name).write_text("damaged\n")
    with pytest.raises(EdgeLinuxError, match=r"remove key\.pem and certificate\.pem to have new ones made"):
        keep_certificate(tmp_path, "192.0.2.1")


def test_what_cannot_be_kept(config: ServerConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeLinuxError, match="cannot keep the server's state in"):
        PxeServer(replace(config, state_dir=tmp_path / "file")).start()


def test_stopping_what_does_not_run(config: ServerConfig) -> None:
    PxeServer(config).stop()
