"""What the benchmark of antlets reads from its guest."""

from __future__ import annotations

import subprocess

import pytest

from tests.bench import antletscripts
from tests.bench.antlets import parse


def test_times_are_read_from_among_other_output() -> None:
    assert parse("noise\ntook clone 190\ntook start 2770\nnot took x 1\n") == {"clone": 0.19, "start": 2.77}


@pytest.mark.parametrize("name", antletscripts.__all__)
def test_scripts_are_valid_for_bash(name: str) -> None:
    subprocess.run(["bash", "-n", "-c", getattr(antletscripts, name)], check=True)
