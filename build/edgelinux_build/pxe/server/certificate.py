"""The server's own certificate: made once, kept, and known to machines by its SHA-256."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

__all__ = ["Certificate", "keep_certificate"]

_DAYS = 3650


@dataclass(frozen=True)
class Certificate:
    """Two PEM files, and the pin: the SHA-256 (hex, lower case) of the certificate's DER."""

    key: Path
    certificate: Path
    pin: str


def keep_certificate(directory: Path, address: str) -> Certificate:
    """Give the certificate that is kept in a directory; made now if there is none for the address.

    A P-256 key, self-signed; both files are readable by their owner only. Needs openssl(1). Raises
    EdgeLinuxError.
    """
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    if not (key.exists() and certificate.exists() and _is_for(certificate, address)):
        _make(key, certificate, address)
    try:
        key.chmod(0o600)
        der = ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))
        # Now rather than when the first machine comes; that the two belong together is checked, too.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise EdgeLinuxError(
            f"cannot use the certificate in {directory}: {getattr(error, 'strerror', None) or error}",
            hint=f"remove {key.name} and {certificate.name} to have new ones made",
        ) from error
    return Certificate(key, certificate, hashlib.sha256(der).hexdigest())


def _is_for(certificate: Path, address: str) -> bool:
    option = "-checkip" if _is_ip(address) else "-checkhost"
    # Ends with 0 whatever it finds, so its words count.
    done = run(["openssl", "x509", "-in", certificate, "-noout", option, address], check=False)
    if done.returncode != 0:
        # Not a certificate: said by who loads it, not replaced in silence.
        return True
    return "does match" in done.stdout


def _make(key: Path, certificate: Path, address: str) -> None:
    kind = "IP" if _is_ip(address) else "DNS"
    scratch = [path.with_name(f".{path.name}.new") for path in (key, certificate)]
    for path in scratch:
        path.unlink(missing_ok=True)
        # openssl keeps the mode of a file that is there.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-noenc", "-sha256", "-days", str(_DAYS), "-subj", "/CN=edgelinux pxe serve"),
            *("-addext", f"subjectAltName={kind}:{address}"),
            *("-keyout", scratch[0], "-out", scratch[1]),
        ]
    )
    for path, target in zip(scratch, (key, certificate), strict=True):
        path.replace(target)


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
