"""The host firewall's one table."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.firewall import parse_port, render


def test_only_what_is_named_comes_in() -> None:
    text = render(services=["ssh", "dns"], ports=["8006/tcp", "5900-5999:tcp", "22/tcp"])
    accepted = [
        line.strip() for line in text.splitlines() if line.startswith(("        tcp ", "        udp dport"))
    ]
    assert accepted == [
        "tcp dport 22 accept",
        "tcp dport 53 accept",
        "tcp dport 5900-5999 accept",
        "tcp dport 8006 accept",
        "udp dport 53 accept",
    ]
    assert "policy drop;" in text


def test_loading_replaces_the_table_in_one_transaction() -> None:
    lines = render().splitlines()
    start = lines.index("table inet edgelinux")
    assert lines[start + 1 : start + 3] == ["delete table inet edgelinux", "table inet edgelinux {"]


def test_disabled_accepts_everything() -> None:
    text = render(enabled=False, ports=["1/tcp"])
    chain = text[text.index("chain input") : text.index("map port_forwards")]
    assert "policy accept;" in chain
    assert "dport" not in chain


@pytest.mark.parametrize("enabled", [True, False])
def test_nothing_is_routed_by_itself(enabled: bool) -> None:
    assert "type filter hook forward priority filter; policy drop;" in render(enabled=enabled)


def test_reloading_one_table_leaves_the_other() -> None:
    assert "bridge edgelinux" not in render()


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("80/tcp", ("tcp", "80")),
        ("80:UDP", ("udp", "80")),
        ("10-20/tcp", ("tcp", "10-20")),
        ("9-9/udp", ("udp", "9")),
    ],
)
def test_ports(text: str, port: tuple[str, str]) -> None:
    assert parse_port(text) == port


@pytest.mark.parametrize(
    "text", ["80", "0/tcp", "65536/tcp", "20-10/tcp", "http/tcp", "80/icmp", "80/tcp; drop", ""]
)
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(EdgeLinuxError, match="is not a port"):
        render(ports=[text])


def test_unknown_service() -> None:
    with pytest.raises(EdgeLinuxError, match="unknown service 'gopher'"):
        render(services=["ssh", "gopher"])


def test_trusted_devices_come_before_ports() -> None:
    text = render(ports=["1/tcp"], trusted=["br0", "br0"])
    assert text.count('iifname "br0" accept\n') == 1
    assert text.index("iifname") < text.index("dport 1 accept")
    with pytest.raises(EdgeLinuxError, match="is not the name of a network device"):
        render(trusted=['x" accept'])


@pytest.mark.skipif(not shutil.which("nft") or os.geteuid() != 0, reason="needs nft and root")
@pytest.mark.parametrize("enabled", [True, False])
def test_nft_loads_it_twice(enabled: bool) -> None:
    text = render(
        enabled=enabled,
        services=["ssh", "nfs"],
        ports=["5900-5999/tcp", "5950/tcp", "9/sctp"],
        trusted=["br0"],
    )
    script = "nft -f - && nft list table inet edgelinux"
    for _ in range(2):
        done = subprocess.run(
            ["unshare", "--net", "sh", "-c", f"nft -f - <<'END' && {script} <<'END'\n{text}END\n{text}END\n"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert f"policy {'drop' if enabled else 'accept'}" in done.stdout
