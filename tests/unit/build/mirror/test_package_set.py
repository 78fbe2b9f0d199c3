"""Stage package-set: what trees are installed from is checked first, and kept; nothing unsigned gets in."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from edgelinux_build.archive import from_mirror
from edgelinux_build.cache import Result
from edgelinux_build.images import load_base, load_image
from edgelinux_build.mirror.place import read_mirror
from edgelinux_build.mirrors import MirrorUrls
from edgelinux_build.package_facts import describe_tree, licences_of
from edgelinux_build.sources import MIRROR, OWN, open_sources, set_urls
from edgelinux_build.stage import Context, Project
from edgelinux_build.stages.package_set import PackageSet
from edgelinux_build.verify import UNTRUSTED
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.mirror.rpms import Packages, as_files, make_root, make_rpm_repository
from tests.unit.build.rpms import rows
from tests.unit.installer.mediumserver import MediumServer, serving_medium

EVERY = ("tool", "library", "manual", "release", "kernel-core", "kernel-devel", "zfs-dkms")


@pytest.fixture
def server(packages: Packages, tmp_path: Path) -> Iterator[MediumServer]:
    make_rpm_repository(tmp_path / "served/core", packages.of(*EVERY))
    with serving_medium(as_files(tmp_path / "served")) as running:
        yield running


@pytest.fixture
def project(packages: Packages, server: MediumServer, tmp_path: Path) -> Project:
    root = make_root(tmp_path / "root", packages, ("core",), server.url)
    base = load_base(root, "rpm-1")
    # ZFS is another package here.
    zfs = base.zfs.model_copy(update={"userland": "tool"})
    return Project(
        root=root,
        image=load_image(root, "small"),
        base=base.model_copy(update={"zfs": zfs}),
        why_base="",
        kickstart="",
        unattended=False,
        serial="",
        epoch=1_700_000_000,
        out=tmp_path / "out",
        jobs=2,
    )


def context(project: Project, server: MediumServer, folder: Path, **upstream: Result) -> Context:
    (folder / "scratch").mkdir(parents=True)
    urls = {"core": f"{server.url}/core"}
    return Context(
        project,
        {name.replace("_", "-"): result for name, result in upstream.items()},
        folder / "scratch",
        folder / "log",
        lambda: MirrorUrls(urls["core"], repositories=urls),
        lambda text: None,
    )


def make(project: Project, server: MediumServer, folder: Path) -> Result:
    """Run the stage."""
    stage, out = PackageSet(project.base), folder / "out"
    out.mkdir(parents=True)
    facts = stage.run(context(project, server, folder), out)
    return Result(stage.name, "key", out, stage.identity("key", facts), {}, facts)


def test_what_a_tree_is_installed_from(project: Project, server: MediumServer, tmp_path: Path) -> None:
    made = make(project, server, tmp_path / "first")
    mirror = read_mirror(made.path / MIRROR)
    names = {package.name for package in mirror.packages}
    assert {"tool", "library", "release", "kernel-core", "kernel-devel", "zfs-dkms"} == names
    urls = set_urls(made.path, project.base)
    with open_sources(project.root, project.base, urls) as sources:
        text = sources["repositories"]
        places = [line.partition("=")[2] for line in text.splitlines() if line.startswith("baseurl=")]
        for place in places:
            with urllib.request.urlopen(f"{place}/repodata/repomd.xml") as answer:  # noqa: S310 on the loopback
                assert b"<repomd" in answer.read()
    # The one without signatures is what the build made itself.
    assert [line for line in text.splitlines() if line.startswith(("[", "gpgcheck"))] == [
        "[core]",
        "gpgcheck=1",
        "[edgelinux]",
        "gpgcheck=0",
    ]


def test_a_package_stands_in_for_the_modules_with_the_version_of_zfs(
    project: Project, server: MediumServer, tmp_path: Path
) -> None:
    made = make(project, server, tmp_path / "first")
    (own,) = (made.path / OWN).glob("*.rpm")
    provides = rows(own, "%{PROVIDENAME}|%{PROVIDEFLAGS:depflags}|%{PROVIDEVERSION}")
    assert ["zfs-kmod", "=", "2.0"] in provides
    assert own.name.startswith("edgelinux-zfs-modules-")


def test_a_second_run_fetches_nothing_again(project: Project, server: MediumServer, tmp_path: Path) -> None:
    first = make(project, server, tmp_path / "first")
    fetched = [path for _, path, _ in server.asked if path.endswith(".rpm")]
    assert len(fetched) == 6
    second = make(project, server, tmp_path / "second")
    assert [path for _, path, _ in server.asked if path.endswith(".rpm")] == fetched
    assert second.identity == first.identity


def test_other_packages_are_another_set(
    packages: Packages, project: Project, server: MediumServer, tmp_path: Path
) -> None:
    first = make(project, server, tmp_path / "first")
    older = [file for file in packages.of(*EVERY) if "-2.0-" not in file.name]
    make_rpm_repository(tmp_path / "older/core", older)
    server.files = as_files(tmp_path / "older")
    assert make(project, server, tmp_path / "second").identity != first.identity


def test_an_unsigned_package_does_not_get_in(
    packages: Packages, project: Project, server: MediumServer, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "served/core")
    files = packages.of(*EVERY[1:]) + packages.of("tool", folder=packages.unsigned)
    make_rpm_repository(tmp_path / "served/core", files)
    server.files = as_files(tmp_path / "served")
    with pytest.raises(EdgeLinuxError, match=r"tool-2\.0-1\.x86_64 of core is not signed") as raised:
        make(project, server, tmp_path / "first")
    assert raised.value.exit_code == UNTRUSTED
    assert not (tmp_path / "first/out" / MIRROR).exists()


def test_without_a_package_for_zfs_there_is_nothing_to_stand_in_for(
    project: Project, server: MediumServer, tmp_path: Path
) -> None:
    zfs = project.base.zfs.model_copy(update={"userland": "zfs"})
    object.__setattr__(project, "base", project.base.model_copy(update={"zfs": zfs}))
    with pytest.raises(EdgeLinuxError, match="no element asks for zfs"):
        make(project, server, tmp_path / "first")


def test_what_is_known_of_installed_packages(project: Project, server: MediumServer, tmp_path: Path) -> None:
    made = make(project, server, tmp_path / "first")
    ctx = context(project, server, tmp_path / "second", package_set=made)
    installed = {"tool": "2.0-1", "library": "1.0-1", "edgelinux-zfs-modules": "1-1"}
    found = describe_tree(ctx, project.base, tmp_path, installed)
    tool = found["tool"]
    assert (tool.version, tool.architecture, tool.source, tool.source_version) == (
        "2.0-1",
        "x86_64",
        "tool",
        "2.0-1",
    )
    assert (tool.homepage, len(tool.sha256)) == ("https://tool.example/", 64)
    # The set has another version: what is installed is from elsewhere, which a lock file will not take.
    assert (found["library"].sha256, found["library"].own) == ("", False)
    assert found["edgelinux-zfs-modules"].own
    licences = licences_of(ctx, project.base, tmp_path, ["tool", "edgelinux-zfs-modules"])
    assert licences["tool"].expression == "GPL-2.0-only"
    assert licences["edgelinux-zfs-modules"].expression == "NOASSERTION"


def test_epochs_are_part_of_versions(project: Project, server: MediumServer, tmp_path: Path) -> None:
    made = make(project, server, tmp_path / "first")
    packages = read_mirror(made.path / MIRROR).packages
    assert from_mirror(packages, {"release": "1:2.0-1"})["release"].sha256
    assert not from_mirror(packages, {"release": "2.0-1"})["release"].sha256
