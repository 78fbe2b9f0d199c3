"""What `make setup` decides before it installs anything."""

from __future__ import annotations

import ast
import fnmatch
import gzip
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from edgelinux_build.host_dnf import PLUGIN
from edgelinux_build.rpms import rpmbuild_argv

from tests.unit.build.setup_script import SCRIPT, load_setup_host
from tests.unit.build.stream9.extract import FOLDER, names_by_repository

ROOT = SCRIPT.parents[1]
STREAM9 = os.environ.get("EDGELINUX_STREAM9", "")
CENTOS = 'NAME="CentOS Stream"\nID="centos"\nID_LIKE="rhel fedora"\n'


@pytest.fixture
def setup_host() -> ModuleType:
    return load_setup_host()


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


@pytest.mark.parametrize(
    ("os_release", "program"),
    [
        ("ID=debian\n", "apt-get"),
        ("ID=ubuntu\nID_LIKE=debian\n", "apt-get"),
        (CENTOS, "dnf"),
        ('ID="rhel"\nID_LIKE="fedora"\n', "dnf"),
        ('ID="almalinux"\nID_LIKE="rhel centos fedora"\n', "dnf"),
    ],
)
def test_the_distribution_decides_by_what_packages_are_installed(
    setup_host: ModuleType, os_release: str, program: str
) -> None:
    """Not the programs there are: Debian build hosts get dnf, and EPEL has apt-get."""
    assert setup_host.family_of(os_release).install[0] == program


@pytest.mark.parametrize("os_release", ["ID=fedora\n", "ID=arch\n", ""])
def test_other_distributions_are_told_that_there_is_no_list_for_them(
    setup_host: ModuleType, os_release: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert setup_host.install_packages(setup_host.family_of(os_release)) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert "neither a Debian with apt-get nor a CentOS Stream or RHEL with dnf" in line
    assert str(setup_host.PACKAGES) in line


def test_every_package_has_its_counterpart_or_none(setup_host: ModuleType) -> None:
    lines = setup_host.translations(setup_host.REDHAT_PACKAGES.read_text())
    debian = setup_host.wanted_packages(setup_host.PACKAGES.read_text())
    assert [name for name in debian if name not in {line.debian for line in lines}] == []
    assert {line.repository for line in lines} == {"baseos", "appstream", "epel", "none"}
    assert [line for line in lines if bool(line.names) == (line.repository == "none")] == []


def test_what_is_not_in_the_metadata_at_hand_says_where_it_was_read_or_what_goes_without_it(
    setup_host: ModuleType,
) -> None:
    for line in setup_host.REDHAT_PACKAGES.read_text().splitlines():
        words, _, said = line.partition("#")
        repository = (words.split() or [""] * 2)[1]
        if repository == "epel":
            assert said.strip() == "not verified" or said.strip().startswith("https://"), line
        elif repository == "none":
            assert said.strip(), line


@pytest.mark.parametrize(
    "metadata",
    [
        FOLDER,
        pytest.param(
            Path(STREAM9),
            marks=pytest.mark.skipif(not STREAM9, reason="EDGELINUX_STREAM9 names no real metadata"),
        ),
    ],
    ids=["extract", "real"],
)
def test_stream_9_has_what_is_said_to_be_in_its_repositories(setup_host: ModuleType, metadata: Path) -> None:
    known = names_by_repository(metadata)
    lines = setup_host.translations(setup_host.REDHAT_PACKAGES.read_text())
    wrong = [
        (name, line.repository)
        for line in lines
        if line.repository in known
        for name in line.names
        if name not in known[line.repository]
    ]
    assert wrong == [], "wrong, or new: then tests/unit/build/stream9/extract.py makes the extract anew"
    assert setup_host.NEWER_PYTHON in known["appstream"]


@pytest.mark.skipif(not STREAM9, reason="EDGELINUX_STREAM9 names no real metadata")
def test_stream_9_has_the_files_that_a_build_reads_of_its_host() -> None:
    (lists,) = (Path(STREAM9) / "baseos/repodata").glob("*filelists.xml.gz")
    with gzip.open(lists, "rt", encoding="utf-8") as file:
        files = set(re.findall(r"<file>([^<]+)</file>", file.read()))
    argv = rpmbuild_argv(Path("a.spec"), Path("work"), Path("out"))
    named = [word.partition("=")[2] for word in argv if word.startswith(("--rcfile=", "--macros="))]
    paths = [path.replace("%{_target}", "noarch-linux") for word in named for path in word.split(":")]
    assert len(paths) == 3
    assert set(paths) - files == set()
    assert fnmatch.filter(files, f"/{PLUGIN}")
    assert "/usr/bin/grub2-script-check" in files


def test_without_epel_what_only_epel_has_is_left_out(setup_host: ModuleType) -> None:
    lines = setup_host.translations(
        "rpm baseos rpm rpm-sign\nshellcheck epel ShellCheck # u\nlintian none # -\n"
    )
    assert setup_host.redhat_packages(lines, epel=False) == (["rpm", "rpm-sign"], ["ShellCheck"])
    assert setup_host.redhat_packages(lines, epel=True) == (["rpm", "rpm-sign", "ShellCheck"], [])


class Host:
    """A CentOS with stand-ins for rpm, dnf and sudo, which write down how they are called."""

    def __init__(self, module: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module, self.folder, self._patch = module, folder, monkeypatch
        self.calls = folder / "calls"
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "os-release").write_text(CENTOS)
        (folder / "packages").write_text(
            "dnf baseos dnf\nxorriso appstream xorriso\nmandoc epel mandoc # u\n"
        )
        monkeypatch.setenv("PATH", f"{self.bin}:/usr/bin:/bin")
        monkeypatch.setattr(module, "OS_RELEASE", folder / "os-release")
        monkeypatch.setattr(module, "REDHAT_PACKAGES", folder / "packages")
        monkeypatch.setattr(module, "make_venv", lambda: 0)
        self.has("dnf")
        self.stub("dnf", f'echo "dnf $*" >>{self.calls}; exit ${{STATUS:-0}}')

    def stub(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def has(self, *names: str) -> None:
        """Have rpm list packages."""
        listed = "".join(f"installed {name}\\n" for name in names)
        self.stub("rpm", f'echo "rpm $1 $2" >>{self.calls}; printf "{listed}"')

    def user(self, sudo: bool) -> None:
        """Be a user, who may use sudo or not."""
        self._patch.setattr(self.module.os, "geteuid", lambda: 1000)
        self.stub("sudo", f'echo "sudo $*" >>{self.calls}; {"shift; exec $*" if sudo else "exit 1"}')

    def set_up(self) -> tuple[int, list[str]]:
        """Run it; gives the exit status and what was run."""
        status = self.module.main()
        return status, self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def host(setup_host: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host(setup_host, tmp_path, monkeypatch)
    monkeypatch.setattr(setup_host.os, "geteuid", lambda: 0)
    return found


def test_a_centos_gets_what_it_lacks_from_dnf(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    status, calls = host.set_up()
    assert status == 0
    install = "dnf install --assumeyes --setopt=install_weak_deps=False xorriso --quiet"
    assert calls == ["rpm --query --all", install]
    left_out, installing = capsys.readouterr().out.splitlines()
    assert left_out == "setup: this host has no EPEL (package epel-release); left out: mandoc"
    assert installing == "setup: installing 1 RPM packages: xorriso"


def test_with_epel_its_packages_are_installed_too(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.has("dnf", "epel-release")
    status, calls = host.set_up()
    assert status == 0
    assert calls[-1].endswith(" xorriso mandoc --quiet")
    assert "EPEL" not in capsys.readouterr().out


def test_a_centos_that_has_everything_is_left_alone(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.has("dnf", "xorriso", "mandoc", "epel-release")
    assert host.set_up() == (0, ["rpm --query --all"])
    assert capsys.readouterr().out == ""


def test_a_user_installs_with_sudo(host: Host) -> None:
    host.user(sudo=True)
    status, calls = host.set_up()
    assert status == 0
    install = "dnf install --assumeyes --setopt=install_weak_deps=False xorriso --quiet"
    assert calls[1:] == ["sudo -n true", f"sudo -n {install}", install]


def test_without_rights_a_centos_user_gets_the_exact_command(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.user(sudo=False)
    status, calls = host.set_up()
    assert status == 3
    assert not [call for call in calls if call.startswith("dnf")]
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "setup: RPM packages are missing and this user may not install them; run:",
        "  sudo dnf install --assumeyes --setopt=install_weak_deps=False xorriso",
    ]


def test_a_name_that_dnf_does_not_find_fails_with_what_was_run(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATUS", "1")
    status, _ = host.set_up()
    assert status == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "setup: failed: dnf install --assumeyes --setopt=install_weak_deps=False xorriso"


def test_a_python_that_is_too_old_is_named_before_anything_is_installed(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(host.module.sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(host.module.sys, "executable", "/usr/bin/python3")
    assert host.set_up() == (1, [])
    assert capsys.readouterr().out.splitlines() == [
        "setup: /usr/bin/python3 is Python 3.9; 3.11 or later is needed: "
        "`dnf install python3.12`, then `make PYTHON=python3.12` and what is to be made"
    ]


@pytest.mark.parametrize(
    "script", ["setup_host.py", "edgelinux_build/rpm_query.py", "edgelinux_build/mirror/dnf_script.py"]
)
def test_what_the_systems_python_runs_is_in_the_language_of_python_3_9(script: str) -> None:
    """CentOS Stream 9's: `make` starts the first with it, and dnf runs on it."""
    ast.parse((ROOT / "build" / script).read_text(), feature_version=(3, 9))


@pytest.mark.skipif(os.geteuid() != 0, reason="drops root to show what a user without rights is told")
def test_without_rights_the_exact_command_is_named(tmp_path: Path) -> None:
    """A copy with a package nobody has, run as `nobody`, whom sudo does not know."""
    (tmp_path / "build").mkdir()
    copy = tmp_path / "build" / "setup_host.py"
    copy.write_text(SCRIPT.read_text())
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
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
