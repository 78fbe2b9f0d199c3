"""SSH public keys: what people compare. Standard library only."""

from __future__ import annotations

import base64
import binascii
import hashlib

__all__ = ["fingerprint", "kind_of"]

_KINDS = {"ssh-ed25519": "ED25519", "ssh-rsa": "RSA"}


def kind_of(algorithm: str) -> str:
    """Name the kind of a key as `ssh-keygen -l` does, from the first word of its line."""
    if algorithm in _KINDS:
        return _KINDS[algorithm]
    kind = "ECDSA" if "ecdsa" in algorithm else "ED25519" if "ed25519" in algorithm else ""
    return f"{kind}-SK" if kind and algorithm.startswith("sk-") else kind or algorithm


def fingerprint(public_key: str) -> str:
    """Give a public key's fingerprint, "SHA256:…", as `ssh-keygen -l` does; "" if the line is no key."""
    words = public_key.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error):
        return ""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"
