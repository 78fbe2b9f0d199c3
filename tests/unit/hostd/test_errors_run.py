"""Errors in one line, and the one way to run programs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from edgelinux_hostd.errors import CommandError, EdgeLinuxError
from edgelinux_hostd.run import run


def test_an_error_is_one_line_with_its_hint() -> None:
    error = EdgeLinuxError("no disk\n  is free", hint="add one", exit_code=4)
    assert str(error) == "no disk is free (add one)"
    assert (error.message, error.hint, error.exit_code) == ("no disk\n  is free", "add one", 4)
    assert str(EdgeLinuxError("gone")) == "gone"


def test_a_failed_command_says_its_last_words() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "echo out; for n in 1 2 3 4 5 6; do echo line $n >&2; done; exit 3"])
    error = caught.value
    assert error.returncode == 3
    assert error.stderr.startswith("line 1")
    assert str(error).endswith("failed with exit code 3: line 3; line 4; line 5; line 6")


def test_without_check_the_exit_code_is_the_callers() -> None:
    assert run(["sh", "-c", "exit 3"], check=False).returncode == 3


def test_output_input_environment_and_directory(tmp_path: Path) -> None:
    done = run(
        ["sh", "-c", 'cat; echo "$LC_ALL $EXTRA $PWD"'], stdin="hello ", env={"EXTRA": "more"}, cwd=tmp_path
    )
    assert done.stdout == f"hello C.UTF-8 more {tmp_path}\n"


def test_without_input_a_program_reads_the_end_of_file() -> None:
    assert run(["cat"], timeout=5).stdout == ""


def test_what_is_not_text_does_not_matter() -> None:
    assert run(["printf", "\\377"]).stdout == "\N{REPLACEMENT CHARACTER}"


def test_an_absent_program_is_named() -> None:
    with pytest.raises(EdgeLinuxError, match="cannot run no-such-program: no such program"):
        run(["no-such-program"])


def test_an_absent_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match=f"no directory {tmp_path}/gone"):
        run(["true"], cwd=tmp_path / "gone")


def test_a_program_that_takes_too_long() -> None:
    with pytest.raises(CommandError, match=r"exit code 124: no end after 0\.1 s"):
        run(["sleep", "5"], timeout=0.1)


def test_everything_is_logged_but_the_input(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "edgelinux.run"):
        run(["sh", "-c", "cat > /dev/null; echo said; echo wrong >&2"], stdin="secret")
    assert "+ sh -c" in caplog.text
    assert "said" in caplog.text
    assert "wrong" in caplog.text
    assert "secret" not in caplog.text
