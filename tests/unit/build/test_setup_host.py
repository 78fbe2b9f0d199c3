"""What `make setup` decides before it installs anything."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "build" / "setup_host.py"


@pytest.fixture
def setup_host() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_host", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_allows_comments_and_blank_lines(setup_host: ModuleType) -> None:
    text = "# all\nxorriso   # writes the ISO\n\nmtools\n"
    assert setup_host.wanted_packages(text) == ["xorriso", "mtools"]


def test_only_what_is_missing_is_installed(setup_host: ModuleType) -> None:
    assert setup_host.missing_packages(["a", "b", "c"], {"b"}) == ["a", "c"]


def test_every_listed_package_says_what_it_is_for(setup_host: ModuleType) -> None:
    lines = setup_host.PACKAGES.read_text().splitlines()
    unexplained = [line for line in lines if line.strip() and "#" not in line]
    assert unexplained == []


def test_another_python_or_other_requirements_make_a_new_environment(setup_host: ModuleType) -> None:
    stamp = setup_host.venv_stamp(b"x", "3.11")
    assert stamp == setup_host.venv_stamp(b"x", "3.11")
    assert stamp != setup_host.venv_stamp(b"x", "3.13")
    assert stamp != setup_host.venv_stamp(b"y", "3.11")


@pytest.mark.skipif(os.geteuid() != 0, reason="drops root to show what a user without rights is told")
def test_without_rights_the_exact_command_is_named(tmp_path: Path) -> None:
    """A copy with a package nobody has, run as `nobody`, whom sudo does not know."""
    (tmp_path / "build").mkdir()
    copy = tmp_path / "build" / "setup_host.py"
    copy.write_text(SCRIPT.read_text())
    (tmp_path / "build" / "packages.txt").write_text("edgelinux-no-such-package # to be missing\n")
    tmp_path.chmod(0o755)
    for parent in [*tmp_path.parents]:
        if parent.owner() == "root" and str(parent) not in {"/", "/tmp"}:
            parent.chmod(parent.stat().st_mode | 0o055)
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    done = subprocess.run(
        [python, str(copy)],
        user="nobody",
        group="nogroup",
        extra_groups=[],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 3
    assert "sudo apt-get install --yes --no-install-recommends edgelinux-no-such-package" in done.stdout
    assert "Traceback" not in done.stderr
