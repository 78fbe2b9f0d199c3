"""Kickstarts and reports: who gets which, once, and who gets none."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from edgelinux_build.pxe.server import PxeServer, State
from edgelinux_build.sites import load_sites
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.pinned import CertificateError, open_url

from tests.unit.build.pxe_server.conftest import MAC, OTHER, Lab, make_site, until


def test_a_machine_reads_its_kickstart(lab: Lab) -> None:
    answer = lab.kickstart(lab.boot())
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-store"
    assert "--hostname=anyone" in answer.text
    assert (lab.machine().state, lab.machine().kickstart) == (State.GIVEN, "default")


def test_each_machine_its_own_kickstart(lab: Lab) -> None:
    assert "--hostname=second" in lab.kickstart(lab.boot(OTHER), OTHER).text
    # By any of its cards, and by its serial number before that.
    third = "52:54:00:00:00:03"
    assert "--hostname=ninth" in lab.kickstart(lab.boot(third), third, serial="SRV-9").text
    assert "--hostname=second" in lab.kickstart(lab.boot(MAC), MAC, OTHER).text


def test_a_token_used_twice(lab: Lab) -> None:
    token = lab.boot()
    assert lab.kickstart(token).status_code == 200
    lab.now += 60
    second = lab.kickstart(token, address="127.0.0.66")
    assert second.status_code == 410
    assert second.text == "token used twice: again from 127.0.0.66, given to 127.0.0.1\n"
    assert lab.machine().state is State.GIVEN
    assert "somebody else may have read its kickstart" in lab.machine().warning
    assert "127.0.0.66" in lab.journal()[-1]["warning"]


@pytest.mark.parametrize("token", ["", "0" * 48, "two words"])
def test_a_wrong_token(lab: Lab, token: str) -> None:
    lab.boot()
    answer = lab.kickstart(token)
    assert (answer.status_code, answer.text) == (403, "wrong or missing token\n")
    assert lab.machine().state is State.REFUSED
    assert lab.machine().message == "wrong or missing token with a request for kickstart from 127.0.0.1"
    assert lab.journal()[-1]["event"] == "refused"


def test_a_wrong_token_of_nobody_that_is_known(lab: Lab) -> None:
    assert lab.kickstart("0" * 48, "52:54:00:00:00:99").status_code == 403
    assert "wrong or missing token" in lab.server.events.warnings()[0]
    assert lab.server.events.machines() == ()


def test_a_machine_that_was_refused_gets_its_kickstart_all_the_same(lab: Lab) -> None:
    token = lab.boot()
    assert lab.kickstart("wrong").status_code == 403
    assert lab.kickstart(token).status_code == 200
    assert lab.machine().state is State.GIVEN


def test_the_token_of_another_machine(lab: Lab) -> None:
    token = lab.boot(OTHER)
    answer = lab.kickstart(token, MAC)
    assert (answer.status_code, answer.text) == (
        403,
        f"token of {OTHER} came from a machine that has not this address\n",
    )
    assert lab.machine(OTHER).state is State.REFUSED
    # Not used up by that.
    assert lab.kickstart(token, OTHER).status_code == 200


def test_another_address(lab: Lab) -> None:
    token = lab.boot()
    answer = lab.kickstart(token, address="127.0.0.2")
    assert (answer.status_code, answer.text) == (403, "token came from 127.0.0.2, given to 127.0.0.1\n")
    lab.restart(check_address=False)
    assert lab.kickstart(token, address="127.0.0.2").status_code == 200


def test_an_expired_token(lab: Lab) -> None:
    token = lab.boot()
    lab.now += 30 * 60 + 1
    answer = lab.kickstart(token)
    assert answer.status_code == 403
    assert answer.text.startswith("token expired after 30 minutes")


def test_a_newer_boot_replaces_the_token(lab: Lab) -> None:
    first, second = lab.boot(), lab.boot()
    assert lab.kickstart(first).status_code == 403
    assert lab.kickstart(second).status_code == 200


def test_no_kickstart_for_the_machine(lab: Lab, tmp_path: Path) -> None:
    make_site(tmp_path / "some", "uuid-4c4c4544-0042-3510-8052-b4c04f4d3732", "first")
    lab.restart(sites=load_sites(tmp_path / "some"))
    token = lab.boot()
    answer = lab.kickstart(token, uuid="4c4c4544-0042-3510-8052-b4c04f4d3733")
    assert (answer.status_code, answer.text) == (404, "no kickstart for this machine\n")
    assert (lab.machine().state, lab.machine().taken) == (State.NOTHING, False)


def test_a_question_for_the_kickstarts_size_does_not_use_it_up(lab: Lab) -> None:
    token = lab.boot()
    with lab.client(lab.server.https_url) as client:
        assert client.head("/ks", headers={"Authorization": f"Bearer {token}"}).status_code == 405
    assert lab.kickstart(token).status_code == 200


def test_a_kickstart_is_not_to_be_had_without_tls(lab: Lab) -> None:
    token = lab.boot()
    assert lab.get("/ks", headers={"Authorization": f"Bearer {token}"}).status_code == 404
    assert lab.get("/medium/edgelinux/ks.cfg").status_code == 404


def test_one_of_many_at_once_gets_the_kickstart(lab: Lab) -> None:
    token, statuses = lab.boot(), []
    threads = [
        threading.Thread(target=lambda: statuses.append(lab.kickstart(token).status_code)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[410] * 7]


def test_two_machines_at_once(lab: Lab) -> None:
    found: dict[str, list[int]] = {MAC: [], OTHER: []}

    def install(mac: str, address: str) -> None:
        token = lab.boot(mac, address)
        found[mac].append(lab.kickstart(token, mac, address=address).status_code)
        for percent in range(0, 100, 10):
            found[mac].append(lab.report(token, "progress", address, percent=percent).status_code)
        found[mac].append(lab.report(token, "success", address, hostname=mac[-2:]).status_code)

    threads = [
        threading.Thread(target=install, args=pair) for pair in ((MAC, "127.0.0.1"), (OTHER, "127.0.0.2"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {MAC: [200, *[204] * 11], OTHER: [200, *[204] * 11]}
    assert [(m.state, m.hostname) for m in lab.server.events.machines()] == [
        (State.INSTALLED, m.mac[-2:]) for m in lab.server.events.machines()
    ]


def test_nothing_that_is_kept_holds_a_token_or_a_kickstart(lab: Lab) -> None:
    token = lab.boot()
    text = lab.kickstart(token).text
    lab.kickstart(token)
    lab.kickstart("wrong-token-of-somebody")
    lab.report(token, "failure", message="x")
    files = [path for path in lab.config.state_dir.iterdir() if path.is_file()]
    assert {path.name for path in files} == {
        *("key.pem", "certificate.pem", "machines.json", "events.jsonl"),
    }
    secret = next(line for line in text.splitlines() if line.startswith("rootpw"))
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        kept = path.read_text()
        assert token not in kept
        assert "wrong-token-of-somebody" not in kept
        assert secret not in kept
    assert stat.S_IMODE(lab.config.state_dir.stat().st_mode) == 0o700
    assert {"time", "mac", "event", "token_sha256"} <= set(lab.journal()[0])


def test_a_kickstart_that_did_not_arrive_counts_as_read(lab: Lab) -> None:
    token = lab.boot()
    where = urlsplit(lab.server.https_url)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    request = (
        f"GET /ks HTTP/1.1\r\nHost: x\r\nX-RHN-Provisioning-MAC-0: eth0 {MAC}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=60) as plain:
        connection = tls.wrap_socket(plain)
        connection.sendall(request.encode())
        # The cable is pulled: no answer is read, the connection is reset.
        plain_end = connection.detach()
        os.close(plain_end)
    until(lambda: lab.machine().state is State.GIVEN)
    assert lab.kickstart(token).status_code == 410


def test_no_kickstart_is_given_unless_it_is_kept_that_it_was(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = lab.boot()

    def full(*_: object) -> bool:
        raise EdgeLinuxError("cannot write machines.json: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("edgelinux_build.pxe.server.ledger.write_whole", full)
        answer = lab.kickstart(token)
    assert answer.status_code == 503
    assert "hostname" not in answer.text
    assert lab.kickstart(token).status_code == 200


def test_reports_tell_how_far_a_machine_is(lab: Lab) -> None:
    token = lab.boot()
    lab.kickstart(token)
    assert lab.report(token, "start").status_code == 204
    assert lab.machine().state is State.INSTALLING
    assert lab.report(token, "progress", step="unpack", percent=40).status_code == 204
    assert (lab.machine().step, lab.machine().percent) == ("unpack", 40)
    assert lab.report(token, "success", hostname="edge1").status_code == 204
    # The installed host has the address of its kickstart.
    up = {"addresses": ["192.0.2.7"], "fingerprints": ["SHA256:x (ED25519)"], "machine": {"macs": [MAC]}}
    assert lab.report(token, "up", "127.0.0.9", **up).status_code == 204
    assert (lab.machine().state, lab.machine().addresses) == (State.UP, ("192.0.2.7",))


def test_a_machine_may_fail_before_it_has_its_kickstart(lab: Lab) -> None:
    token = lab.boot()
    assert lab.report(token, "failure", message="no disks").status_code == 204
    assert (lab.machine().state, lab.machine().message) == (State.FAILED, "no disks")
    assert lab.boot()


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "not a report: Invalid JSON"),
        (b"\xff{}", 400, "not a report: Invalid JSON"),
        (b"[]", 400, "not a report: Input should be an object"),
        (b'{"version": 2}', 400, "not a report: version: Input should be 1"),
        (b'{"version": 1, "event": "dance", "time": "2026-01-02T03:04:05Z"}', 400, "not a report: event: "),
        (b" " * (64 * 1024 + 1), 413, "a report has at most 65536 bytes"),
    ],
)
def test_what_is_no_report(lab: Lab, body: bytes, status: int, says: str) -> None:
    token = lab.boot()
    lab.kickstart(token)
    answer = lab.post(token, body)
    assert answer.status_code == status
    assert answer.text.startswith(says)
    assert lab.machine().state is State.GIVEN


def test_a_report_that_does_not_say_its_size(lab: Lab) -> None:
    token = lab.boot()
    with lab.client(lab.server.https_url) as client:
        headers = {"Authorization": f"Bearer {token}"}
        pieces = (b" " * 8192 for _ in range(20))
        assert client.post("/report", headers=headers, content=pieces).status_code == 413


def test_reports_of_who_may_not(lab: Lab) -> None:
    token = lab.boot()
    lab.kickstart(token)
    assert lab.report("wrong", "success").status_code == 403
    assert lab.report(token, "success", machine={"macs": [OTHER]}).status_code == 403
    assert lab.machine().state is State.GIVEN
    lab.now += 24 * 3600 + 1
    assert lab.report(token, "success").status_code == 403


def test_the_installer_knows_the_server_by_its_pin(lab: Lab, tmp_path: Path) -> None:
    token = lab.boot()
    headers = {"X-RHN-Provisioning-MAC-0": f"eth0 {MAC}"}
    url = f"{lab.server.https_url}/ks"
    with pytest.raises(CertificateError, match="has another certificate"):
        open_url(url, cert="00" * 32, token=token, headers=headers, timeout=10)
    # Nothing was sent, so nothing was used up.
    with open_url(url, cert=lab.server.fingerprint, token=token, headers=headers, timeout=10) as answer:
        assert b"--hostname=anyone" in answer.read()


def test_a_server_at_another_address_has_another_certificate(lab: Lab) -> None:
    pin = lab.server.fingerprint
    lab.restart(address="127.0.0.1")
    assert lab.server.fingerprint == pin
    lab.restart(address="127.0.0.3")
    assert lab.server.fingerprint != pin
    assert isinstance(lab.server, PxeServer)
