"""HTTP and HTTPS requests whose server may be known by the SHA-256 of its certificate, and by nothing else.

Standard library only. A pin replaces what is usually checked, certificate authorities and names: a server in
a rack has neither. The TLS handshake proves that the server has the certificate's key; the pin says that
the certificate is the right one, before the request, and whatever is secret in it, is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import IO, Any, cast
from urllib.parse import urlsplit

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["CertificateError", "check_url", "open_url", "parse_pin", "same_origin"]

_PORTS = {"http": 80, "https": 443}


class CertificateError(EdgeLinuxError):
    """The server is not the one that is meant. Nothing was sent to it, and asking again does not help."""


def parse_pin(text: str) -> str:
    """Give a pin in lower case without colons, from what `openssl x509 -fingerprint -sha256` prints, too.

    Raises EdgeLinuxError.
    """
    pin = text.strip().rpartition("=")[2].replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", pin):
        raise EdgeLinuxError(
            f"{text!r} is not the SHA-256 of a certificate",
            hint="64 hexadecimal digits: openssl x509 -in cert.pem -noout -fingerprint -sha256",
        )
    return pin


def check_url(url: str) -> str:
    """Give back an http(s) URL with a host, without user name and password. Raises EdgeLinuxError."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise EdgeLinuxError(f"{url!r} is not a URL: {error}", hint="http://… or https://…") from error
    if parts.scheme not in _PORTS or not host or not url.isprintable() or " " in url:
        raise EdgeLinuxError(f"{url!r} is not an http or https URL", hint="http://… or https://…")
    if parts.username is not None:
        raise EdgeLinuxError(
            f"the URL for {host} holds a user name or a password", hint="leave them out: there is the token"
        )
    return url


def same_origin(one: str, other: str) -> bool:
    """Say whether two URLs have the same scheme, host and port (RFC 6454), and so share secrets."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:
        # What is no URL shares nothing.
        return False


def open_url(
    url: str,
    *,
    cert: str = "",
    token: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float,
) -> http.client.HTTPResponse:
    """Open a URL, with GET, or with POST when there is a body; the caller closes the answer.

    `cert` is the pin; without it https is checked as usual. `token` is sent as a bearer token (RFC 6750).
    Only redirects within the same scheme, host and port are followed, and none after a POST. `timeout`, in
    seconds, is for each wait.

    Raises CertificateError, EdgeLinuxError (a URL that cannot be, a redirect elsewhere),
    urllib.error.HTTPError (a status of 400 and more) and OSError or http.client.HTTPException (the network).
    """
    check_url(url)
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310  (checked above)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    handlers: list[urllib.request.BaseHandler] = [_SameOrigin()]
    if cert and url.lower().startswith("https:"):
        handlers.append(_Pinned(parse_pin(cert)))
    try:
        answer = urllib.request.build_opener(*handlers).open(request, timeout=timeout)
        return cast("http.client.HTTPResponse", answer)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise CertificateError(
                f"the certificate of {_name(url)} is not trusted: {error.reason.verify_message}",
                hint="give its SHA-256 (cert, edgelinux.cert=)",
            ) from error
        raise


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _name(url: str) -> str:
    _, host, port = _origin(url)
    return f"{host}:{port}"


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follows redirects only where the request's secrets may go."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.data is not None:
            raise EdgeLinuxError(f"{req.full_url} redirects to {newurl}", hint="give that address instead")
        if not same_origin(req.full_url, newurl):
            raise EdgeLinuxError(
                f"{req.full_url} redirects to another server, {newurl}", hint="give that address instead"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Pinned(urllib.request.HTTPSHandler):
    """Connects to servers that have one certificate."""

    def __init__(self, pin: str) -> None:
        super().__init__()
        self._pin = pin
        self._tls = ssl.create_default_context()
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        def connect(host: str, **options: Any) -> _PinnedConnection:
            return _PinnedConnection(host, self._pin, context=self._tls, **options)

        return self.do_open(connect, req)


class _PinnedConnection(http.client.HTTPSConnection):
    def __init__(self, host: str, pin: str, **options: Any) -> None:
        super().__init__(host, **options)
        self._pin = pin

    def connect(self) -> None:
        super().connect()
        found = hashlib.sha256(self.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if not hmac.compare_digest(found, self._pin):
            self.close()
            raise CertificateError(
                f"{self.host}:{self.port} has another certificate than the expected one: "
                f"SHA-256 {found}, expected {self._pin}",
                hint="another server answers there, or it has a new certificate",
            )
