"""A machine that was booted over the network asks a server for its kickstart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer import cli, hardware
from edgelinux_installer import obtain as obtain_module
from edgelinux_installer.identity import Identity
from edgelinux_installer.interfaces import resolve
from edgelinux_installer.kickstart import KickstartError, read_kickstart
from edgelinux_installer.netboot import NetworkBoot, identity_headers, network_boot
from edgelinux_installer.nics import parse_ip_link
from edgelinux_installer.obtain import obtain, read
from edgelinux_installer.source import fetch, fetch_kickstart

from tests.unit.hostd.report.server import Certificate, Server, make_certificate, serving

HERE = Identity.of(["52:54:00:00:00:01"], "S4X7", "aaaabbbb-0000-4000-8000-000000000001")
NOWHERE = Path("/none")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")
    return make_certificate(tmp_path_factory.mktemp("tls"))


def asked_once(url: str, **words: str) -> str:
    """Fetch the kickstart at a URL that inst.ks= names, from a server that shall not be asked again."""
    boot = NetworkBoot(kickstart=url, **words)
    return fetch_kickstart(url, NOWHERE, boot, HERE, sleep=lambda seconds: pytest.fail("asked again"))


# The command line


def test_the_command_line_of_a_network_boot() -> None:
    line = (
        "root=live:http://s/os inst.ks=https://s/ks inst.ks=https://other/ks edgelinux.medium=http://s/os/ "
        f"edgelinux.cert={'ab' * 32} edgelinux.notify=https://s/report edgelinux.token=T "
        "BOOTIF=01-52-54-00-AB-00-01"
    )
    assert network_boot(line) == NetworkBoot(
        medium="http://s/os",
        kickstart="https://s/ks",
        notify="https://s/report",
        cert="ab" * 32,
        token="T",
        bootif="52:54:00:ab:00:01",
    )
    assert network_boot("quiet") == NetworkBoot()


@pytest.mark.parametrize(
    ("word", "mac"),
    [
        ("01-52-54-00-ab-00-01", "52:54:00:ab:00:01"),
        ("01-52:54:00:ab:00:01", "52:54:00:ab:00:01"),
        ("52:54:00:ab:00:01", "52:54:00:ab:00:01"),
        ("01:00:5e:00:00:01", "01:00:5e:00:00:01"),
        ("", ""),
        ("eth0", ""),
    ],
)
def test_the_card_that_was_booted_with(word: str, mac: str) -> None:
    assert network_boot(f"quiet BOOTIF={word}").bootif == mac


def test_who_may_see_what() -> None:
    boot = NetworkBoot("https://s/os", "https://s:8443/ks", "https://t/report", "ab" * 32, "T")
    assert [boot.token_for(url) for url in ("https://s:8443/x", "https://t/report", "https://s/os/x")] == [
        "T",
        "T",
        "",
    ]
    assert boot.cert_for("https://s/os/x") == "ab" * 32
    for elsewhere in ("https://u/ks", "http://s:8443/ks", "https://s:8444/ks"):
        assert boot.token_for(elsewhere) == boot.cert_for(elsewhere) == ""


# Asking for the kickstart


def test_the_server_is_told_which_machine_asks(server: Server) -> None:
    assert asked_once(server.url, token="T") == "hello\n"
    # Names of headers have no case (RFC 9110, 5.1).
    headers = {name.lower(): value for name, value in server.asked[0].headers.items()}
    assert headers["x-rhn-provisioning-mac-0"].endswith(" 52:54:00:00:00:01")
    assert headers["x-system-serial-number"] == "S4X7"
    assert headers["x-system-uuid"] == "aaaabbbb-0000-4000-8000-000000000001"
    assert headers["authorization"] == "Bearer T"


def test_included_files_are_told_nothing(server: Server) -> None:
    boot = NetworkBoot(kickstart=server.url, token="T")
    assert fetch(f"{server.url}common.ks", NOWHERE, boot=boot) == "hello\n"
    sent = {name.lower() for name in server.asked[0].headers}
    assert not {"authorization", "x-system-uuid", "x-rhn-provisioning-mac-0"} & sent


def test_another_server_never_sees_the_token(server: Server) -> None:
    boot = NetworkBoot(kickstart="http://192.0.2.1/ks", token="T")
    assert fetch_kickstart(server.url, NOWHERE, boot, HERE) == "hello\n"
    assert "Authorization" not in server.asked[0].headers


def test_the_token_is_not_taken_along_to_another_server(server: Server) -> None:
    with serving() as other:
        server.statuses, server.answer_headers = [302], {"Location": other.url}
        with pytest.raises(EdgeLinuxError, match="redirects to another server"):
            asked_once(server.url, token="T")
        assert other.asked == []
        # Without a secret it is as it always was.
        assert asked_once(server.url) == "hello\n"


def test_headers_name_the_cards(tmp_path: Path) -> None:
    for name, mac in (("eno1", "52:54:00:00:00:01"), ("eno2", "52:54:00:00:00:02")):
        (tmp_path / "class/net" / name).mkdir(parents=True)
        (tmp_path / "class/net" / name / "address").write_text(f"{mac}\n")
    machine = Identity.of(["52:54:00:00:00:01", "52:54:00:00:00:02"], "Sérial")
    assert identity_headers(machine, tmp_path) == {
        "X-RHN-Provisioning-MAC-0": "eno1 52:54:00:00:00:01",
        "X-RHN-Provisioning-MAC-1": "eno2 52:54:00:00:00:02",
        "X-System-Serial-Number": "S?rial",
    }


def test_a_machine_without_a_kickstart(server: Server) -> None:
    server.statuses = [404]
    with pytest.raises(EdgeLinuxError) as raised:
        asked_once(server.url)
    assert str(raised.value) == (
        f"cannot fetch the kickstart {server.url}: this server has no kickstart for this machine "
        "(MAC 52:54:00:00:00:01, serial number S4X7, UUID aaaabbbb-0000-4000-8000-000000000001) "
        "(add one for it there, or check inst.ks=)"
    )


@pytest.mark.parametrize(
    ("status", "token", "says"),
    [
        (403, "T", "the server does not take this machine's token (403)"),
        (403, "", "the server wants a token, and this machine has none (403)"),
        (
            410,
            "T",
            "this machine's token was used already (410); if not by this machine, somebody else has read",
        ),
        (400, "", "400 Bad Request"),
    ],
)
def test_what_a_server_refuses_is_final(server: Server, status: int, token: str, says: str) -> None:
    server.statuses = [status]
    with pytest.raises(EdgeLinuxError) as raised:
        asked_once(server.url, token=token)
    assert says in str(raised.value)
    assert len(server.asked) == 1


def test_a_server_in_trouble_is_asked_again_with_the_token(server: Server) -> None:
    server.statuses = [503, 200]
    waits: list[float] = []
    boot = NetworkBoot(kickstart=server.url, token="T")
    assert fetch_kickstart(server.url, NOWHERE, boot, HERE, sleep=waits.append) == "hello\n"
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer T"] * 2


def test_the_pinned_certificate_and_no_other(certificate: Certificate) -> None:
    with serving(certificate) as running:
        assert asked_once(running.url, cert=certificate.pin, token="T") == "hello\n"
        boot = NetworkBoot(kickstart=running.url, cert=certificate.pin)
        assert fetch(f"{running.url}common.ks", NOWHERE, boot=boot) == "hello\n"
        running.asked.clear()
        with pytest.raises(EdgeLinuxError, match="has another certificate than the expected one"):
            asked_once(running.url, cert="cd" * 32, token="T")
        with pytest.raises(
            EdgeLinuxError, match=r"certificate is not trusted: self.signed .*edgelinux\.cert="
        ):
            asked_once(running.url)
        assert running.asked == []


# The command


@pytest.fixture
def booted(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The command on a machine that was booted over the network."""
    monkeypatch.setattr(cli, "_command_line", lambda: f"quiet inst.ks={server.url}ks edgelinux.token=T")
    return server


def test_a_kickstart_is_fetched_once_and_what_it_includes_again(
    booted: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    included = Path(f"/tmp/edgelinux-test-{booted.url.rpartition(':')[2].strip('/')}")
    text = f"%include {booted.url}common.ks\n%include {included}\n%pre\necho halt > {included}\n%end\n"
    monkeypatch.setattr(obtain_module, "fetch_kickstart", counted := Counted(text))
    monkeypatch.setattr(
        obtain_module, "fetch", lambda where, medium, boot: "reboot\n" if "common" in where else "lang C\n"
    )
    monkeypatch.setattr(cli, "run_pre", lambda ks: None)
    monkeypatch.setattr(cli, "check_tree", lambda ks: None)
    line = cli._command_line()
    where, found = obtain(line, run_dir=tmp_path / "run")
    ks = cli._after_pre(read(line, where, found), where, found)
    assert (ks.finish, ks.lang) == ("reboot", "C")
    assert counted.calls == 1


class Counted:
    def __init__(self, text: str) -> None:
        self.text = text
        self.calls = 0

    def __call__(self, *_arguments: Any) -> str:
        self.calls += 1
        return self.text


def test_a_second_attempt_does_not_need_the_token_again(booted: Server, tmp_path: Path) -> None:
    booted.statuses = [200, 410]
    first, second = (obtain(cli._command_line(), run_dir=tmp_path / "run") for _ in range(2))
    assert first == second
    assert len(booted.asked) == 1
    (kept,) = (tmp_path / "run").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


# The card that was booted with

IP_LINK = json.dumps(
    [
        {"ifname": name, "link_type": "ether", "address": mac, "flags": ["UP", "LOWER_UP"]}
        for name, mac in (("eno1", "52:54:00:00:00:01"), ("eno2", "52:54:00:00:00:02"))
    ]
)


def test_bootif_is_the_card_that_was_booted_with() -> None:
    ks = read_kickstart("network --device=br0 --bridgeslaves=bootif\n", "ks.cfg")
    cards = parse_ip_link(IP_LINK, ("eno1", "eno2"), "52:54:00:00:00:02")
    bridge, port = resolve(ks, cards)
    assert port.nic
    assert bridge.nic == port.nic
    assert port.nic.name == "eno2"


def test_bootif_without_a_network_boot_is_refused() -> None:
    ks = read_kickstart("text\nnetwork --device=bootif\n", "ks.cfg")
    with pytest.raises(KickstartError) as raised:
        resolve(ks, parse_ip_link(IP_LINK, ("eno1", "eno2")))
    assert str(raised.value).startswith(
        "ks.cfg:2: bootif: the kernel's command line has no BOOTIF= of a network card; "
        "present: eno1 (52:54:00:00:00:01), eno2 (52:54:00:00:00:02)"
    )


def test_a_recorded_machine_knows_it(tmp_path: Path) -> None:
    recorded = {
        "format": 1,
        "disks": {"lsblk": {"blockdevices": []}},
        "ip_link": json.loads(IP_LINK),
        "physical": ["eno1", "eno2"],
        "bootif": "52:54:00:00:00:02",
    }
    (tmp_path / "hardware.json").write_text(json.dumps(recorded))
    nics = hardware.machine(hardware.load(tmp_path / "hardware.json")).nics
    assert [nic.name for nic in nics if nic.booted] == ["eno2"]
