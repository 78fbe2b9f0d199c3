"""What the kernel's command line starts in a live system: a shell, the installer, the check of the medium."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "elements/edgelinux-live/static"
LIVE = "root=live:CDLABEL=X rd.live.image"


def unit(path: Path) -> list[tuple[str, str]]:
    """The keys and values of a unit; systemd's may be repeated, which configparser does not know."""
    rows = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    return [(key, value) for key, equals, value in rows if equals and not key.startswith("#")]


def generated(tmp_path: Path, command_line: str) -> set[str]:
    """Run the live system's generator over the element's files; returns the units it put in place."""
    (tmp_path / "cmdline").write_text(f"{command_line}\n", encoding="utf-8")
    script = (STATIC / "usr/lib/systemd/system-generators/edgelinux-live-generator").read_text("utf-8")
    script = script.replace("/proc/cmdline", f"{tmp_path}/cmdline").replace("/usr/lib", f"{STATIC}/usr/lib")
    folders = [tmp_path / name for name in ("normal", "early", "late")]
    for folder in folders:
        folder.mkdir()
    subprocess.run(["sh", "-c", script, "generator", *folders], check=True)
    # Masked units are links to /dev/null.
    found = [path for path in folders[1].rglob("*") if path.is_symlink() or path.is_file()]
    return {str(path.relative_to(folders[1])) for path in found}


@pytest.mark.parametrize("argument", ["edgelinux.install", "edgelinux.install=ask", "edgelinux.check-medium"])
def test_the_consoles_stay_free_for_what_was_asked_for(tmp_path: Path, argument: str) -> None:
    units = generated(tmp_path, f"{LIVE} {argument}")
    assert "getty@tty1.service" in units
    drop_in = "serial-getty@.service.d/60-edgelinux-install.conf"
    assert drop_in in units
    # A word alone is also the left side of an assignment (systemd.unit(5)).
    word = argument.partition("=")[0]
    assert ("ConditionKernelCommandLine", f"!{word}") in unit(tmp_path / "early" / drop_in)


def test_a_live_system_has_shells_and_an_installed_one_nothing_of_it(tmp_path: Path) -> None:
    for name in ("live", "installed"):
        (tmp_path / name).mkdir()
    units = generated(tmp_path / "live", LIVE)
    assert "serial-getty@.service.d/50-edgelinux-live.conf" in units
    assert "getty@tty1.service" not in units
    assert generated(tmp_path / "installed", "edgelinux.pool=1 edgelinux.check-medium") == set()


@pytest.mark.parametrize(
    ("name", "argument", "command"),
    [
        ("install", "edgelinux.install", "/usr/bin/edgelinux-install"),
        ("check-medium", "edgelinux.check-medium", "/usr/bin/edgelinux-install --check-medium"),
    ],
)
def test_the_unit_runs_when_asked_for_and_never_on_a_host(name: str, argument: str, command: str) -> None:
    found = unit(ROOT / f"kickstart/units/edgelinux-{name}.service")
    conditions = {value for key, value in found if key == "ConditionKernelCommandLine"}
    assert conditions == {argument, "rd.live.image"}
    assert ("ExecStart", command) in found
    assert ("WantedBy", "multi-user.target") in found


def test_the_package_enables_them() -> None:
    package = yaml.safe_load((ROOT / "kickstart/packaging/package.yaml").read_text(encoding="utf-8"))
    # Those of a console are started by the installer, on each console that there is.
    units = {path.name for path in (ROOT / "kickstart/units").iterdir() if "@" not in path.name}
    assert set(package["units"]["enable"]) == units
    for name in units:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read(ROOT / "kickstart/units" / name, encoding="utf-8")
        assert parser.has_section("Install"), name


def test_the_forms_own_a_console_and_leave_it_to_a_shell() -> None:
    found = unit(ROOT / "kickstart/units/edgelinux-setup@.service")
    assert ("ExecStart", "/usr/bin/edgelinux-install --interactive") in found
    assert ("TTYPath", "/dev/%I") in found
    assert {value for key, value in found if key in ("OnSuccess", "OnFailure")} == {
        "edgelinux-shell@%i.service"
    }
    shell = STATIC / "usr/lib/systemd/system/edgelinux-shell@.service"
    assert shell.is_file()
