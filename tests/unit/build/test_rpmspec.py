from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.images import load_base
from edgelinux_build.packaging import Entry, Package, Units, load_package
from edgelinux_build.rpmspec import own_folders, rpm_version, scripts, spec
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.fakes import make_room
from tests.unit.build.rpms import EPOCH, of_rpms

HELPER = "/usr/lib/systemd/systemd-update-helper"
SYSUSERS = "/usr/bin/systemd-sysusers"


@pytest.fixture
def package(repository: Path) -> Package:
    base = of_rpms(load_base(repository, "base-1"), {"disk-tool": ("disk-a", "disk-b")})
    return load_package(make_room(repository) / "packaging/package.yaml", base, "1.2.3")


def agent(**changes: object) -> Package:
    targets = (
        "/usr/lib/systemd/system/a.service",
        "/usr/lib/systemd/system/a.socket",
        "/usr/lib/systemd/system/b@.service",
        "/usr/lib/systemd/system/started-by-a.service",
        "/usr/lib/sysusers.d/a.conf",
    )
    package = Package(
        "a",
        "1",
        "A",
        "",
        (),
        tuple(Entry(target, 0o644) for target in targets),
        Units(enable=("a.service", "a.socket"), mask=("of-another-package.service",)),
        restart=("a.service",),
    )
    return replace(package, **changes)  # type: ignore[arg-type]


def test_the_spec_file(package: Package) -> None:
    text = spec(package, "noarch", EPOCH)
    head, rest = text.split("\n%description\n")
    assert head.splitlines() == [
        "Name: small-agent",
        "Version: 1.2.3",
        "Release: 1",
        "Summary: A small agent",
        "License: GPL-2.0-or-later",
        "Packager: edgeLinux <packages@edgelinux.invalid>",
        "BuildArch: noarch",
        "# package.yaml names every dependency.",
        "AutoReqProv: no",
        "Requires: python(abi) = 3.12",
        "Requires: disk-a",
        "Requires: disk-b",
        "Requires: web-tool",
        "# The scripts do without systemd; where both are installed at once, it comes first.",
        "OrderWithRequires(post): systemd",
        "OrderWithRequires(preun): systemd",
        "OrderWithRequires(postun): systemd",
    ]
    assert rest.startswith(
        "First paragraph, which is long enough that it has to be wrapped over more\n"
        "than one line of a control file.\n\nSecond paragraph.\n\n%install\n"
    )
    assert rest.split("%files\n")[1].splitlines() == [
        '%dir %attr(0755, root, root) "/usr/lib/python3.12/site-packages/small"',
        '%dir %attr(0755, root, root) "/usr/share/agent"',
        '%dir %attr(0755, root, root) "/usr/share/agent/deep"',
        '%config(noreplace) %attr(0640, root, root) "/etc/agent.conf"',
        '%attr(0755, root, root) "/usr/bin/agent"',
        '%attr(0644, root, root) "/usr/lib/python3.12/site-packages/small/__init__.py"',
        '%attr(0644, root, root) "/usr/lib/python3.12/site-packages/small/cli.py"',
        '%attr(0644, root, root) "/usr/lib/systemd/system/small.service"',
        '%attr(0755, root, root) "/usr/share/agent/deep/run"',
        '%attr(0644, root, root) "/usr/share/agent/plain"',
        "",
        "%changelog",
        "* Tue Nov 14 2023 edgeLinux <packages@edgelinux.invalid> - 1.2.3-1",
        "- See CHANGELOG.md of the sources.",
    ]


def test_a_package_without_units_runs_nothing(package: Package) -> None:
    entries = tuple(entry for entry in package.entries if "systemd" not in entry.target)
    text = spec(replace(package, entries=entries, units=Units(), restart=()), "noarch", EPOCH)
    assert "%post" not in text
    assert "systemd" not in text


def test_what_is_written_is_not_expanded(package: Package) -> None:
    text = spec(replace(package, summary="100 %{name}", description="50 %(id)"), "noarch", EPOCH)
    assert "Summary: 100 %%{name}\n" in text
    assert "\n50 %%(id)\n" in text


@pytest.mark.parametrize(
    ("version", "expected"), [("1.2.3", "1.2.3"), ("2.0-rc.1", "2.0~rc.1"), ("1+git5", "1+git5")]
)
def test_versions_as_rpm_writes_them(version: str, expected: str) -> None:
    assert rpm_version(version) == expected


@pytest.mark.parametrize("version", ["1:2", "1 2", "1/2", "", "1.2\n"])
def test_a_version_that_no_rpm_can_have(version: str) -> None:
    with pytest.raises(EdgeLinuxError, match=r"is no version for an RPM \(use letters, digits and"):
        rpm_version(version)


@pytest.mark.parametrize("name", ["a b", "a%b", "a*", "a[1]", 'a"b', "ä", "a\nb"])
def test_a_file_that_a_spec_cannot_name(package: Package, name: str) -> None:
    package = replace(package, entries=(Entry(f"/usr/share/agent/{name}", 0o644),))
    with pytest.raises(EdgeLinuxError, match="an RPM cannot hold '/usr/share/agent/"):
        spec(package, "noarch", EPOCH)


def test_which_directories_go_with_the_package() -> None:
    targets = (
        "/etc/agent.d/a.conf",
        "/usr/bin/agent",
        "/usr/lib/python3/dist-packages/agent/deep/a.py",
        "/usr/lib/systemd/system/a.service",
        "/usr/lib/systemd/system/a.service.d/more.conf",
    )
    assert own_folders(Entry(target, 0o644) for target in targets) == (
        "/etc/agent.d",
        "/usr/lib/python3/dist-packages/agent",
        "/usr/lib/python3/dist-packages/agent/deep",
        "/usr/lib/systemd/system/a.service.d",
    )


def calls(script: str, count: int, folder: Path, helpers: tuple[str, ...] = (HELPER, SYSUSERS)) -> list[str]:
    """Run a script as rpm does, with helpers that only write down how they are called, and then fail."""
    folder.mkdir()
    log = folder / "log"
    log.touch()
    for helper in (HELPER, SYSUSERS):
        standin = folder / Path(helper).name
        script = script.replace(helper, str(standin))
        if helper in helpers:
            standin.write_text(f'#!/bin/sh\necho "$(basename "$0") $*" >> {log}\nexit 1\n')
            standin.chmod(0o755)
    path = folder / "script"
    path.write_text(script)
    subprocess.run(["/bin/sh", "-e", path, str(count)], check=True)
    return log.read_text().splitlines()


def test_the_first_installation_makes_accounts_then_applies_presets(tmp_path: Path) -> None:
    assert calls(scripts(agent()).post, 1, tmp_path / "sh") == [
        "systemd-sysusers a.conf",
        "systemd-update-helper install-system-units a.service a.socket",
    ]


def test_an_upgrade_leaves_what_the_administrator_switched(tmp_path: Path) -> None:
    found = scripts(agent())
    assert calls(found.post, 2, tmp_path / "post") == ["systemd-sysusers a.conf"]
    assert calls(found.preun, 1, tmp_path / "preun") == []
    assert calls(found.postun, 1, tmp_path / "postun") == [
        "systemd-update-helper mark-restart-system-units a.service"
    ]


def test_a_removal_stops_and_disables(tmp_path: Path) -> None:
    found = scripts(agent())
    assert calls(found.preun, 0, tmp_path / "preun") == [
        "systemd-update-helper remove-system-units a.service a.socket"
    ]
    assert calls(found.postun, 0, tmp_path / "postun") == []


def test_without_systemd_the_scripts_do_nothing(tmp_path: Path) -> None:
    found = scripts(agent())
    for name, script, count in (("a", found.post, 1), ("b", found.preun, 0), ("c", found.postun, 1)):
        assert calls(script, count, tmp_path / name, helpers=()) == []


def test_many_units_are_named_all(tmp_path: Path) -> None:
    names = tuple(f"unit-with-a-rather-long-name-{number}.service" for number in range(20))
    entries = tuple(Entry(f"/usr/lib/systemd/system/{name}", 0o644) for name in names)
    script = scripts(agent(entries=entries, units=Units(enable=names))).post
    assert max(len(line) for line in script.splitlines()) <= 110
    assert calls(script, 1, tmp_path / "sh") == [
        f"systemd-update-helper install-system-units {' '.join(names)}"
    ]
