"""The password of root: checked as it is typed, and hashed in the live system."""

from __future__ import annotations

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

__all__ = ["check_passwords", "hash_password", "hint"]

_GOOD = 12
# openssl-passwd(1) reads no more of a line.
_LONGEST = 255


def check_passwords(first: str, second: str) -> str:
    """Say what is wrong with a password that was typed twice; "" when nothing is."""
    if first != second:
        return "the two passwords differ: type the same one twice"
    if not first.isprintable():
        return "the password holds a control character"
    if len(first.encode()) > _LONGEST:
        return f"the password is longer than {_LONGEST} bytes"
    return ""


def hint(password: str) -> str:
    """Say how good a password is, in a few words; it is never refused for that."""
    if not password:
        return ""
    kinds = sum(
        any(test(sign) for sign in password)
        for test in (str.islower, str.isupper, str.isdigit, lambda sign: not sign.isalnum())
    )
    if len(set(password)) < 5 or len(password) < 8:
        return f"weak: {len(password)} characters; {_GOOD} different ones or more are better"
    if len(password) < _GOOD and kinds < 3:
        return f"fair: {len(password)} characters; {_GOOD} or more are better"
    if not password.isascii():
        return "good, but letters beyond ASCII may be hard to type at another keyboard"
    return "good"


def hash_password(password: str) -> str:
    """Hash a password (sha512-crypt, crypt(5)). Neither it nor the hash is ever logged.

    Raises EdgeLinuxError.
    """
    done = run(["openssl", "passwd", "-6", "-stdin"], stdin=f"{password}\n", secret=True)
    hashed = done.stdout.strip()
    if not hashed.startswith("$6$"):
        raise EdgeLinuxError("openssl gave no hash of the password")
    return hashed
