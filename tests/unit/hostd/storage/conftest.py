"""What the tests of storage share: ZFS commands that answer what was recorded."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest


class Commands:
    """Stands in for `subprocess.run` in edgelinux_hostd.run: answers by the first words."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.answers: dict[str, tuple[int, str, str]] = {}

    def says(self, words: str, stdout: str = "", *, stderr: str = "") -> None:
        self.answers[words] = (1 if stderr else 0, stdout, stderr)

    def run(self, argv: Sequence[str], **_options: object) -> subprocess.CompletedProcess[str]:
        line = " ".join(argv)
        self.ran.append(line)
        fitting = [words for words in self.answers if line.startswith(words)]
        returncode, stdout, stderr = self.answers[max(fitting, key=len)] if fitting else (0, "", "")
        return subprocess.CompletedProcess(list(argv), returncode, stdout, stderr)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    fake = Commands()
    monkeypatch.setattr("edgelinux_hostd.run.subprocess.run", fake.run)
    return fake
