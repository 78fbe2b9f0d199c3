"""No secret is shown, and what is no secret stays."""

from __future__ import annotations

import pytest
from edgelinux_build.medium.redact import redact
from hypothesis import given
from hypothesis import strategies as st

HASH = "$6$salt$QhM4VpnX0Nw1Qn/abcdef."
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8WlxMyvh2yCGV7tcx5HfEGxIrqKbfcGOPiTbLRJ0ab"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"rootpw --iscrypted {HASH}", "rootpw --iscrypted [redacted]"),
        ("rootpw --plaintext 'two words'  # it is hunter2", "rootpw --plaintext [redacted]"),
        ("rootpw hunter2", "rootpw [redacted]"),
        ("rootpw --lock", "rootpw --lock"),
        ("rootpw 'unbalanced", "rootpw [redacted]"),
        (f"user --name=me --iscrypted --password={HASH}", "user --name=me --iscrypted --password=[redacted]"),
        ("user --name=me --password 'a b' --lock", "user --name=me --password [redacted] --lock"),
        (
            "bootloader --iscrypted --password=grub.pbkdf2.sha512.1.AB",
            "bootloader --iscrypted --password=[redacted]",
        ),
        (
            f"sshkey --username=root '{KEY} me@example'",
            "sshkey --username=root 'ssh-ed25519 AAAA...TbLRJ0ab me@example'",
        ),
        ("liveimg --url=https://me:hunter2@host/x", "liveimg --url=https://[redacted]@host/x"),
        (
            "curl -fsS 'https://host/x?a=1&token=hunter2&b=2'",
            "curl -fsS 'https://host/x?a=1&token=[redacted]&b=2'",
        ),
        ("curl -u me:hunter2 https://host/", "curl -u [redacted] https://host/"),
        ("curl -H 'Authorization: Bearer hunter2' u", "curl -H 'Authorization: Bearer [redacted]' u"),
        ("export API_TOKEN=hunter2", "export API_TOKEN=[redacted]"),
        ('RESTIC_PASSWORD="hunter 2" restic init', "RESTIC_PASSWORD=[redacted] restic init"),
        ("  password: hunter2", "  password: [redacted]"),
        ("echo 'me:hunter2' | chpasswd", "echo [redacted] | chpasswd"),
        ("chpasswd <<< 'me:hunter2'", "chpasswd <<< [redacted]"),
        (f"usermod -p '{HASH}' me", "usermod -p '[redacted]' me"),
        ("tool --auth-token hunter2 --verbose", "tool --auth-token [redacted] --verbose"),
    ],
)
def test_lines(line: str, shown: str) -> None:
    assert redact(f"{line}\n") == f"{shown}\n"
    assert redact(redact(f"{line}\n")) == f"{shown}\n"


@pytest.mark.parametrize(
    "line",
    [
        "timezone Etc/UTC --utc",
        "network --device=link --bootproto=dhcp",
        "bootloader --append='console=tty0 mitigations=auto,nosmt'",
        "passwd --lock me",
        "select = /dev/disk/by-id/ata-INTEL*",
        "# The password is asked for at the first log-in.",
        "curl -fsS https://host/path?page=2",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert redact(f"{line}\n") == f"{line}\n"


def test_what_spans_lines() -> None:
    text = """\
%post
cat > /root/.ssh/id <<EOF
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmU
-----END OPENSSH PRIVATE KEY-----
EOF
chpasswd <<'END'
me:hunter2
END
echo done
%end
"""
    shown = redact(text)
    assert "b3Blbn" not in shown
    assert "hunter2" not in shown
    assert shown.splitlines()[-2:] == ["echo done", "%end"]
    assert len(shown.splitlines()) == len(text.splitlines())


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    assert len(redact(text).splitlines()) >= 0
