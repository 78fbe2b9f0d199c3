"""OpenPGP signatures with GnuPG, which every base and build host has: making and checking them."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run

from .gnupg import end_agents, primary_fingerprints

__all__ = ["SIGN_KEY", "Checked", "check_signature", "fingerprint_of", "sign"]

SIGN_KEY = "EDGELINUX_SIGN_KEY"
"""Environment variable that names the builder's key where no option does."""

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_GPG = ("gpg", "--batch", "--no-tty", "--no-auto-key-retrieve")


@dataclass(frozen=True)
class Checked:
    """What came of checking a signature."""

    good: bool
    says: str
    fingerprint: str = ""


def fingerprint_of(key: str) -> str:
    """Return the fingerprint of a secret key: an id, fingerprint, address or file; raises EdgeLinuxError."""
    with _secret(key) as (_, fingerprint):
        return fingerprint


def sign(data: Path, key: str) -> tuple[str, str]:
    """Return a detached signature of a file and the public key to check it with, both ASCII-armoured."""
    with _secret(key) as (options, fingerprint):
        local = ["--local-user", fingerprint]
        # Through pipes: run by sudo, gpg is the user's, and need not be able to write beside the file.
        with data.open(encoding="utf-8") as file:
            signature = _gpg([*options, *local, "--armor", "--detach-sign"], stdin=file.read())
        return signature, _gpg([*options, "--armor", "--export", fingerprint])


@contextlib.contextmanager
def _secret(key: str) -> Iterator[tuple[Sequence[str], str]]:
    """Give the options under which gpg has a secret key, and the key's fingerprint."""
    file = Path(key)
    if file.is_file():
        with _temporary_home() as options:
            try:
                run([*_GPG, *options, "--import", file])
            except CommandError as error:
                raise EdgeLinuxError(f"{file}: no OpenPGP key can be read from it") from error
            found = _fingerprints([*options, "--list-secret-keys"])
            if not found:
                raise EdgeLinuxError(
                    f"{file} has no secret key", hint="gpg --export-secret-keys writes such a file"
                )
            yield options, found[0]
        return
    found = _fingerprints(["--list-secret-keys", "--", key])
    if not found:
        raise EdgeLinuxError(f"the keyring has no secret key {key}", hint="gpg --list-secret-keys shows it")
    if len(found) > 1:
        raise EdgeLinuxError(f"several secret keys are {key}", hint="give the fingerprint")
    yield (), found[0]


@contextlib.contextmanager
def _temporary_home() -> Iterator[Sequence[str]]:
    with tempfile.TemporaryDirectory(prefix="edgelinux-gpg-") as home:
        try:
            yield "--homedir", home
        finally:
            end_agents(Path(home))


def _fingerprints(arguments: Sequence[str]) -> list[str]:
    """Return the fingerprints of the primary keys that a listing shows."""
    done = run([*_as_user(arguments), *_GPG, "--with-colons", *arguments], check=False)
    return primary_fingerprints(done.stdout)


def _gpg(arguments: Sequence[str], stdin: str | None = None) -> str:
    try:
        return run([*_as_user(arguments), *_GPG, *arguments], stdin=stdin).stdout
    except CommandError as error:
        said = [line.removeprefix("gpg: ") for line in error.stderr.splitlines() if line.strip()]
        raise EdgeLinuxError(f"gpg cannot sign: {'; '.join(said)}") from error


def _as_user(arguments: Sequence[str]) -> list[str]:
    """Return a prefix that makes root, if run by sudo, the user whose keyring it is."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if "--homedir" in arguments or os.geteuid() != 0 or not (uid.isdigit() and gid.isdigit()):
        return []
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--"]


def check_signature(data: Path, signature: Path, key: str, beside: Path) -> Checked:
    """Check a detached signature.

    `key` is a file with a public key, or a fingerprint, whose key then lies `beside` the signature. Without
    it the signer's key has to be in the user's own keyring. Raises EdgeLinuxError when `key` is neither.
    """
    if not key:
        return _verify((), data, signature, "")
    if Path(key).is_file():
        with _temporary_home() as options:
            if run([*_GPG, *options, "--import", key], check=False).returncode:
                raise EdgeLinuxError(f"{key}: no OpenPGP key can be read from it", exit_code=2)
            return _verify(options, data, signature, "")
    wanted = re.sub(r"\s|^0x", "", key).upper()
    if not _FINGERPRINT.fullmatch(wanted):
        raise EdgeLinuxError(
            f"{key} is neither a file nor a whole fingerprint", hint="40 hexadecimal digits", exit_code=2
        )
    if not beside.is_file():
        return Checked(False, f"{beside.name}, the key it is to be checked with, is missing")
    with _temporary_home() as options:
        run([*_GPG, *options, "--import", beside], check=False)
        return _verify(options, data, signature, wanted)


def _verify(options: Sequence[str], data: Path, signature: Path, wanted: str) -> Checked:
    done = run([*_GPG, *options, "--status-fd", "1", "--verify", signature, data], check=False)
    status = {words[1]: words[2:] for line in done.stdout.splitlines() if (words := line.split())[1:]}
    if "BADSIG" in status:
        return Checked(False, "is not what was signed: changed since, or a signature of something else")
    if "VALIDSIG" not in status:
        unknown = status.get("NO_PUBKEY") or status.get("ERRSIG")
        return Checked(
            False,
            f"signed with a key that is not at hand: {unknown[0]}" if unknown else "is no signature",
        )
    signer = status["VALIDSIG"][-1]
    for word, says in {
        "EXPKEYSIG": "an expired key",
        "REVKEYSIG": "a revoked key",
        "EXPSIG": "a signature that has expired",
    }.items():
        if word in status:
            return Checked(False, f"{says}: {signer}", signer)
    if wanted and wanted not in (signer, status["VALIDSIG"][0]):
        return Checked(False, f"signed with another key: {signer}", signer)
    return Checked(True, f"signed with {signer}", signer)
