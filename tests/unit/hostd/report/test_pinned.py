"""A server known by its certificate alone; and what is never sent elsewhere. Real servers, real TLS."""

from __future__ import annotations

import shutil
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.report.pinned import CertificateError, check_url, open_url, parse_pin, same_origin

from tests.unit.hostd.report.server import Certificate, Server, make_certificate, serving

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def plain() -> Iterator[Server]:
    with serving() as server:
        yield server


def get(url: str, cert: str = "", token: str = "") -> bytes:
    with open_url(url, cert=cert, token=token, timeout=10) as answer:
        return answer.read()


@needs_openssl
def test_the_right_certificate(certificate: Certificate) -> None:
    with serving(certificate) as server:
        assert get(server.url, certificate.pin, "secret") == b"hello\n"
    assert server.asked[0].headers["Authorization"] == "Bearer secret"


@needs_openssl
def test_another_certificate_gets_nothing_of_the_request(certificate: Certificate, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "other")
    with serving(other) as server, pytest.raises(CertificateError) as raised:
        get(server.url, certificate.pin, "secret")
    assert server.asked == []
    told = str(raised.value)
    assert other.pin in told
    assert f"expected {certificate.pin}" in told
    assert "127.0.0.1:" in told
    assert "\n" not in told


@needs_openssl
def test_without_a_pin_certificates_are_checked_as_usual(certificate: Certificate) -> None:
    with serving(certificate) as server, pytest.raises(CertificateError, match=r"is not trusted: .*SHA-256"):
        get(server.url)
    assert server.asked == []


def test_plain_http_has_no_certificate_to_check(plain: Server) -> None:
    assert get(plain.url, "ab" * 32) == b"hello\n"
    assert "Authorization" not in plain.asked[0].headers


def test_a_report_is_posted(plain: Server) -> None:
    with open_url(plain.url, body=b"{}", headers={"Content-Type": "application/json"}, timeout=10) as answer:
        assert answer.status == 200
    asked = plain.asked[0]
    assert (asked.method, asked.body, asked.headers["Content-Type"]) == ("POST", b"{}", "application/json")


def test_a_redirect_to_another_server_is_not_followed(plain: Server) -> None:
    with serving() as other:
        plain.statuses, plain.answer_headers = [302], {"Location": other.url}
        with pytest.raises(EdgeLinuxError, match="redirects to another server"):
            get(plain.url, token="secret")
    assert other.asked == []


def test_a_redirect_within_the_server_is_followed(plain: Server) -> None:
    plain.statuses, plain.answer_headers = [302, 200], {"Location": "/there"}
    assert get(plain.url, token="secret") == b"hello\n"
    assert [asked.path for asked in plain.asked] == ["/", "/there"]


def test_a_redirected_report_is_not_sent_again(plain: Server) -> None:
    plain.statuses, plain.answer_headers = [302], {"Location": "/there"}
    with pytest.raises(EdgeLinuxError, match="redirects to"), open_url(plain.url, body=b"{}", timeout=10):
        pass
    assert len(plain.asked) == 1


def test_statuses_are_told(plain: Server) -> None:
    plain.statuses = [410]
    with pytest.raises(urllib.error.HTTPError) as raised:
        get(plain.url)
    raised.value.close()
    assert raised.value.code == 410


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://server/x", "is not an http or https URL"),
        ("file:///etc/passwd", "is not an http or https URL"),
        ("http://", "is not an http or https URL"),
        ("server/report", "is not an http or https URL"),
        ("http://ser ver/", "is not an http or https URL"),
        ("http://server:port/", "is not a URL"),
        ("http://me:secret@server/", "holds a user name or a password"),
    ],
)
def test_urls_that_cannot_be(url: str, said: str) -> None:
    with pytest.raises(EdgeLinuxError, match=said) as raised:
        check_url(url)
    assert "secret" not in str(raised.value)


def test_pins_as_openssl_prints_them() -> None:
    assert parse_pin("sha256 Fingerprint=" + ":".join(["AB"] * 32)) == "ab" * 32
    assert parse_pin("ab" * 32) == "ab" * 32
    for wrong in ("", "ab" * 20, "xy" * 32):
        with pytest.raises(EdgeLinuxError, match="64 hexadecimal digits"):
            parse_pin(wrong)


def test_origins() -> None:
    assert same_origin("https://boot/ks", "https://BOOT:443/report")
    assert not same_origin("https://boot/ks", "http://boot/ks")
    assert not same_origin("http://boot/ks", "http://boot:8080/ks")
    assert not same_origin("http://boot/ks", "http://boot.example/ks")
    assert not same_origin("http://boot:port/ks", "http://boot:port/ks")
