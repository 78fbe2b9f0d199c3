"""Package sources for programs in a tree: what RPM repositories are configured by, read by the real dnf."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build import dib
from edgelinux_build.dib import Order, make_tree
from edgelinux_build.host_dnf import configure, private_dnf
from edgelinux_build.images import Base, load_base
from edgelinux_build.mirrors import MirrorUrls, find_mirrors
from edgelinux_build.repositories import KEYS, variable_of
from edgelinux_build.sources import open_sources
from edgelinux_build.stage import Context, Project
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from tests.unit.build.fakes import BASE

REPOSITORY = Path(__file__).resolve().parents[3]
NEEDS_DNF = pytest.mark.skipif(not shutil.which("dnf"), reason="needs dnf on the build host")


@pytest.fixture
def base() -> Base:
    return load_base(REPOSITORY, "centos-stream-10")


@pytest.fixture
def mirrors(base: Base, tmp_path: Path) -> MirrorUrls:
    """Every repository is a directory without packages."""
    folder = tmp_path / "our mirror"
    folder.mkdir()
    run(["createrepo_c", "--quiet", folder])
    return find_mirrors(base, environ={variable_of(one): str(folder) for one in base.mirrors.repositories})


def repolist(tmp_path: Path, text: str) -> str:
    """What dnf finds by a configuration, alone on this machine."""
    (tmp_path / "repos").mkdir()
    (tmp_path / "repos/test.repo").write_text(text)
    configure(tmp_path / "dnf", Path("/none.py"))
    options = {"reposdir": "repos", "cachedir": "cache", "persistdir": "persist", "pluginpath": "plugins"}
    argv = [
        "dnf",
        "--config",
        str(tmp_path / "dnf/dnf.conf"),
        "--releasever=10",
        f"--installroot={tmp_path}/root",
    ]
    argv += [f"--setopt={name}={tmp_path}/{value}" for name, value in options.items()]
    done = run([*argv, "repolist", "-v"], env={"HOME": str(tmp_path)})
    return done.stdout


@NEEDS_DNF
def test_dnf_finds_every_repository_on_the_loopback(base: Base, mirrors: MirrorUrls, tmp_path: Path) -> None:
    with open_sources(REPOSITORY, base, mirrors) as values:
        assert values["archive"] == mirrors.archive
        found = repolist(tmp_path, values["repositories"])
    assert [line.split(": ")[1] for line in found.splitlines() if line.startswith("Repo-id")] == sorted(
        repository.id for repository in base.mirrors.repositories
    )
    urls = [line.split(": ")[1] for line in found.splitlines() if line.startswith("Repo-baseurl")]
    # A chroot has no files of the build host's.
    assert len(urls) == len(base.mirrors.repositories)
    assert all(url.startswith("http://127.0.0.1:") for url in urls)
    # It reads them.
    assert found.count("Repo-updated") == len(base.mirrors.repositories)


def test_the_keys_are_served_as_the_repository_has_them(base: Base, mirrors: MirrorUrls) -> None:
    with open_sources(REPOSITORY, base, mirrors) as values:
        lines = [line for line in values["repositories"].splitlines() if line.startswith("gpgkey=")]
        urls = {url for line in lines for url in line.removeprefix("gpgkey=").split()}
        for url in urls:
            assert url.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 loopback
                assert answer.read() == (REPOSITORY / KEYS / url.rpartition("/")[2]).read_bytes()
    assert len(urls) == len(base.mirrors.keys)


def test_a_mirror_on_the_network_stays_where_it_is(base: Base, mirrors: MirrorUrls) -> None:
    urls = {**mirrors.repositories, "epel": "https://mirror.example/epel"}
    with open_sources(REPOSITORY, base, replace(mirrors, repositories=urls)) as values:
        assert values["repositories"].count("baseurl=https://mirror.example/epel\n") == 1


def test_another_key_stops_it(base: Base, mirrors: MirrorUrls, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / KEYS, tmp_path / KEYS)
    shutil.copy(tmp_path / KEYS / "epel-10.asc", tmp_path / KEYS / "centos-official.asc")
    with (
        pytest.raises(
            EdgeLinuxError, match=r"key centos-official: images/keys/centos-official\.asc holds 7D8D15CB"
        ),
        open_sources(tmp_path, base, mirrors),
    ):
        pytest.fail("it went on")


def test_an_apt_base_has_the_urls_alone(repository: Path) -> None:
    found = MirrorUrls("http://one.example", "http://two.example")
    with open_sources(repository, load_base(repository, "base-1"), found) as values:
        assert values == {"archive": found.archive, "security": found.security, "repositories": ""}


class Tool:
    """diskimage-builder, as far as it is called: what it was given, and what dnf's configuration was then."""

    def __init__(self) -> None:
        self.env: dict[str, str] = {}
        self.files: dict[str, str] = {}

    def __call__(
        self,
        argv: list[object],
        log: Path,
        *,
        env: dict[str, str],
        clean_env: bool,
        cwd: Path,
        within: tuple[object, ...],
    ) -> None:
        self.env, self.within = env, within
        for name, value in env.items():
            if name.endswith("_REPOS"):
                self.files = {path.name: path.read_text() for path in Path(value).iterdir()}
        raise EdgeLinuxError("that is enough")


def order_with(
    base: Base, mirrors: MirrorUrls, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Tool:
    tool = Tool()
    monkeypatch.setattr(dib, "run_logged", tool)
    monkeypatch.setenv("HOME", "/home/of-whoever-builds")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    project = replace(project, root=REPOSITORY, base=base)
    ctx = Context(project, {}, scratch, tmp_path / "log", lambda: mirrors, lambda text: None)
    with pytest.raises(EdgeLinuxError, match="that is enough"):
        make_tree(ctx, Order(base, ("edgelinux-base",)), scratch / "tree")
    assert tool.env["HOME"] == str(scratch / "home")
    assert Path(tool.env["HOME"]).is_dir()
    return tool


def test_diskimage_builder_gets_the_repositories_as_a_directory(
    base: Base, mirrors: MirrorUrls, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dib, "private_dnf", lambda scratch, base: ("within", scratch, base.name))
    tool = order_with(base, mirrors, project, tmp_path, monkeypatch)
    assert list(tool.files) == ["dib-mirror-edgelinux.repo"]
    assert tool.files["dib-mirror-edgelinux.repo"].startswith("[baseos]\n")
    assert tool.within == ("within", tmp_path / "scratch", "centos-stream-10")


def test_diskimage_builder_gets_an_apt_mirror_by_its_url(
    repository: Path, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = BASE.replace(
        "  archive_env: ARCHIVE", "  archive_env: ARCHIVE\n  security_env: SECURITY\n  security_probe: x"
    )
    (repository / "images/bases/base-1.yaml").write_text(text, encoding="utf-8")
    found = MirrorUrls("http://one.example", "http://two.example")
    tool = order_with(load_base(repository, "base-1"), found, project, tmp_path, monkeypatch)
    assert (tool.env["ARCHIVE"], tool.env["SECURITY"]) == ("http://one.example", "http://two.example")
    assert tool.files == {}


@NEEDS_DNF
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
def test_the_hosts_dnf_has_our_configuration_for_one_command_alone(base: Base, tmp_path: Path) -> None:
    before = Path("/etc/dnf/dnf.conf").read_text()
    options = [f"--installroot={tmp_path}/root", "--setopt=reposdir=/none", "--releasever=10"]
    shell = ["sh", "-c", 'dnf --verbose "$@" repolist && cat /etc/dnf/dnf.conf', "sh"]
    done = run([*private_dnf(tmp_path, base), *shell, *options])
    loaded = next(line for line in done.stdout.splitlines() if line.startswith("Loaded plugins: "))
    assert loaded == "Loaded plugins: download"
    assert "install_weak_deps=0" in done.stdout
    assert "optional_metadata_types=filelists" in done.stdout
    assert Path("/etc/dnf/dnf.conf").read_text() == before


def test_a_build_host_without_dnf(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EdgeLinuxError, match=r"this build host has no dnf \(`make setup` installs "):
        private_dnf(tmp_path, base)


@pytest.mark.parametrize(("after", "at"), [("", "05"), ("0", "05"), ("1", "09")])
def test_the_package_manager_is_told_before_the_base_or_right_after_it(
    tmp_path: Path, after: str, at: str
) -> None:
    """An element that stops where /etc is there already gets it afterwards."""
    hooks = tmp_path / "hooks"
    shutil.copytree(REPOSITORY / "elements/edgelinux-base/package-manager", hooks / "package-manager")
    (hooks / "root.d").mkdir()
    names = ("05-edgelinux-package-manager", "09-edgelinux-package-manager")
    for name in names:
        # diskimage-builder copies what a link leads to.
        shutil.copy(REPOSITORY / "elements/edgelinux-base/root.d" / name, hooks / "root.d" / name)
    (tmp_path / "pins/etc").mkdir(parents=True)
    (tmp_path / "pins/etc/pins").write_text("a 1\n")
    laid = {}
    for name in names:
        target = tmp_path / name
        target.mkdir()
        env = {**os.environ, "TARGET_ROOT": str(target), "EDGELINUX_PACKAGE_MANAGER": str(tmp_path / "pins")}
        if after:
            env["EDGELINUX_PACKAGE_MANAGER_AFTER"] = after
        subprocess.run([hooks / "root.d" / name], check=True, env=env)
        laid[name[:2]] = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert laid.pop(at) >= [
        "etc/apt/apt.conf.d/50edgelinux",
        "etc/dpkg/dpkg.cfg.d/edgelinux-host",
        "etc/pins",
    ]
    assert laid.popitem()[1] == []
