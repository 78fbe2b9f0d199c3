"""Takes the secrets out of a kickstart that is shown to people.

Taken out: the arguments of rootpw; `--password` and the like of every command; crypted passwords wherever
they stand; user names and passwords, and tokens, in URLs; private keys; and in scripts what is assigned to
names that speak of secrets, authorization headers, and what is handed to chpasswd or passwd. Public SSH keys
are shortened. Scripts can hide a secret in any other way, so this is a help, no guarantee.
"""

from __future__ import annotations

import re
import shlex

__all__ = ["REDACTED", "redact"]

REDACTED = "[redacted]"
_SECRET = r"pass(?:word|wd|phrase|code)?|secret|token|credentials?|api[-_]?key|private[-_]?key|access[-_]?key"  # noqa: S105
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"';|&]+)"""

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # crypt(5): $id$…
    (re.compile(r"\$(?:[0-9][a-z]?|y|gy|sha1|md5|argon2\w*)\$[^\s'\":,;]+"), REDACTED),
    # --password=…, --password …, --plaintext… of any command or program
    (re.compile(rf"(--(?:[\w-]*-)?(?:{_SECRET})(?:-[\w-]+)?)(=|\s+)(?!-){_VALUE}", re.I), rf"\1\2{REDACTED}"),
    # NAME=…, name: … in scripts and the files that they write
    (re.compile(rf"(\b\w*(?:{_SECRET})\w*\s*[=:]\s*)(?!\[redacted\]){_VALUE}", re.I), rf"\1{REDACTED}"),
    (re.compile(r"(Authorization:\s*\w+\s+)[^\s'\"]+", re.I), rf"\1{REDACTED}"),
    # scheme://user:password@host, ?token=…
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@'\"]+@", re.I), rf"\1{REDACTED}@"),
    (
        re.compile(rf"([?&](?:[\w-]*(?:{_SECRET})|key|sig|signature|auth)=)[^\s&'\"]+", re.I),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"(\bcurl\b.*\s(?:-u|--user)[= ]?){_VALUE}"), rf"\1{REDACTED}"),
    (re.compile(r"\b(?:echo|printf)\b.*\|\s*((?:sudo\s+)?(?:chpasswd|passwd)\b)"), rf"echo {REDACTED} | \1"),
    (re.compile(rf"(\b(?:chpasswd|passwd)\b.*<<<\s*){_VALUE}"), rf"\1{REDACTED}"),
    # Public keys: the type, the end, and the comment tell them apart.
    (re.compile(r"\b((?:ssh|ecdsa|sk)-[\w@.-]+ )AAAA[\w+/]*?([\w+/]{8}=*)(?![\w+/=])"), r"\1AAAA...\2"),
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
_PASSWORDS_FOLLOW = re.compile(r"\bchpasswd\b.*<<-?\s*(['\"]?)(\w+)\1")


def redact(kickstart: str) -> str:
    """Return the kickstart with REDACTED in the place of secrets; lines stay where they are."""
    lines: list[str] = []
    until: re.Pattern[str] | None = None
    for line in kickstart.splitlines():
        if until is not None:
            ended = until.search(line)
            lines.append(line if ended else REDACTED)
            until = None if ended else until
            continue
        lines.append(_line(line))
        if _KEY_BEGINS.search(line) and not _KEY_ENDS.search(line):
            until = _KEY_ENDS
        elif passwords := _PASSWORDS_FOLLOW.search(line):
            until = re.compile(rf"^\s*{passwords[2]}\s*$")
    return "".join(f"{line}\n" for line in lines)


def _line(line: str) -> str:
    if re.match(r"\s*rootpw\b", line):
        return _rootpw(line)
    for pattern, replacement in _RULES:
        line = pattern.sub(replacement, line)
    return line


def _rootpw(line: str) -> str:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return f"rootpw {REDACTED}"
    options = [word for word in words[1:] if word.startswith("--")]
    secret = [REDACTED] if len(options) < len(words) - 1 else []
    return " ".join(["rootpw", *(option.partition("=")[0] for option in options), *secret])
