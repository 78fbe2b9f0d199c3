from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.archive import upstream_version
from edgelinux_build.cache import Cache, Result
from edgelinux_build.dib import disk_image_create_argv
from edgelinux_build.inputs import Json
from edgelinux_build.plan import keyed
from edgelinux_build.rpmspec import spec_sha256
from edgelinux_build.stage import Project, Upstream
from edgelinux_build.stages import iso_stages
from edgelinux_build.stages.finished_tree import image_json, missing_dependencies
from edgelinux_build.stages.iso import iso_name
from edgelinux_build.stages.local_packages import LocalPackages
from edgelinux_build.stages.root_tree import (
    order,
    parse_packages,
    tree_facts,
)
from edgelinux_build.stages.squashfs import mksquashfs_argv
from edgelinux_build.stages.zfs_modules import compiler_errors
from edgelinux_hostd.errors import EdgeLinuxError


def keys(project: Project, packages: dict[str, str] | None = None, **facts: str) -> dict[str, str]:
    """Keys of all stages, given what the root tree turns out to hold."""
    found: dict[str, str] = {}
    known: dict[str, Upstream] = {}
    root: dict[str, Json] = {
        "kernel": "6.1",
        "zfs": "2.3",
        "modules": "m",
        "packages": dict(packages or {}),
        **facts,
    }
    for stage in iso_stages(project):
        key, inputs = keyed(stage, project, {name: known[name] for name in stage.needs})
        known[stage.name] = Upstream.of(
            Result(stage.name, key, Path("/none"), stage.identity(key, root), inputs, root)
        )
        found[stage.name] = key
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "update",
    [{"kickstart": "# other\n"}, {"unattended": True}, {"serial": ""}],
    ids=lambda value: next(iter(value)),
)
def test_site_and_kickstart_enter_at_the_iso_only(project: Project, update: dict[str, str]) -> None:
    assert changed(keys(project), keys(replace(project, **update))) == {"iso"}  # type: ignore[arg-type]


def test_time_and_place_change_nothing(project: Project, tmp_path: Path) -> None:
    assert keys(project) == keys(replace(project, epoch=1, out=tmp_path, jobs=64, why_base="named by --base"))


def test_a_new_package_list_compiles_zfs_for_no_second_time(project: Project) -> None:
    image = project.image.model_copy(update={"packages": ("more",)})
    found = changed(keys(project), keys(replace(project, image=image), {"more": "1"}))
    assert "zfs-modules" not in found
    assert {"root-tree", "finished-tree", "initramfs", "squashfs", "iso"} <= found


def test_the_same_sources_with_newer_packages_are_another_tree(project: Project) -> None:
    found = changed(keys(project, {"a": "1"}), keys(project, {"a": "2"}))
    assert found == {"package-index", "finished-tree", "initramfs", "boot-loader", "squashfs", "iso"}


@pytest.mark.parametrize("fact", ["kernel", "zfs", "modules"])
def test_another_kernel_or_zfs_is_compiled_for(project: Project, fact: str) -> None:
    assert "zfs-modules" in changed(keys(project), keys(project, None, **{fact: "other"}))


def test_a_change_in_hostd_costs_neither_dracut_nor_the_tree(project: Project) -> None:
    write(project.root / "agent/packaging/package.yaml", "name: agent\nsummary: An agent\n")
    write(project.root / "agent/agent/__init__.py", "")
    image = project.image.model_copy(update={"local_packages": ("agent/packaging/package.yaml",)})
    before = keys(replace(project, image=image))
    write(project.root / "agent/agent/__init__.py", "changed = 1\n")
    found = changed(before, keys(replace(project, image=image)))
    assert found == {"local-packages", "finished-tree", "squashfs", "iso"}


def test_another_format_makes_other_packages(project: Project) -> None:
    def packages(kind: str) -> dict[str, Json]:
        other = project.base.packages.model_copy(update={"kind": kind})
        base = project.base.model_copy(update={"packages": other})
        return LocalPackages().inputs(replace(project, base=base), {})

    assert packages("deb") != packages("rpm")
    # RPMs are made with a template, which is no file of any package.
    assert packages("rpm")["template"] == spec_sha256()


def test_a_change_of_the_dracut_modules_costs_dracut(project: Project) -> None:
    before = keys(project)
    write(project.root / "hostd/dracut/90x/module-setup.sh", "install() { :; }\n")
    after = keys(project)
    assert changed(before, after) == {"initramfs", "squashfs", "iso"}
    write(project.root / "hostd/dracut/90x/README.md", "how it works\n")
    assert keys(project) == after


def test_an_elements_readme_costs_nothing_and_its_scripts_everything(project: Project) -> None:
    before = keys(project)
    write(project.root / "elements/tiny/README.rst", "====\n")
    write(project.root / "elements/unused/install.d/10-x", "#!/bin/bash\n")
    assert keys(project) == before
    write(project.root / "elements/tiny/install.d/10-tiny", "#!/bin/sh\n")
    assert "root-tree" in changed(before, keys(project))


def test_the_bases_own_element_counts_where_it_is_of_this_repository(project: Project) -> None:
    write(project.root / "elements/base-minimal/root.d/10-base", "#!/bin/bash\n")
    project = replace(project, base=project.base.model_copy(update={"element": "base-minimal"}))
    before = keys(project)
    write(project.root / "elements/base-minimal/root.d/10-base", "#!/bin/sh\n")
    assert "root-tree" in changed(before, keys(project))


def test_the_command_for_the_root_tree(project: Project) -> None:
    image = project.image.model_copy(update={"packages": ("one", "two")})
    base = project.base.model_copy(update={"element": "os"})
    argv = disk_image_create_argv(order(replace(project, image=image, base=base)), Path("/o/root"))
    assert Path(argv[0]).name == "disk-image-create"
    assert [str(word) for word in argv[1:]] == [
        *("-n", "-a", "amd64", "-t", "tar", "-o", "/o/root", "-p", "one,two", "os", "tiny"),
    ]


def test_the_command_for_the_squashfs(project: Project) -> None:
    squashfs = project.image.squashfs.model_copy(update={"exclude": ("usr/share/doc/*",)})
    image = project.image.model_copy(update={"squashfs": squashfs})
    argv = [
        str(word) for word in mksquashfs_argv(replace(project, image=image), Path("/t"), Path("/o.squashfs"))
    ]
    assert argv[:3] == ["mksquashfs", "/t", "/o.squashfs"]
    options = (
        "-noappend -no-progress -xattrs -mkfs-time 1700000000 "
        "-comp zstd -Xcompression-level 15 -processors 2 -wildcards -e"
    )
    assert " ".join(argv[3:]).startswith(options)
    assert {"proc/*", "sys/*", "dev/*", "run/*", "tmp/*", "usr/share/doc/*"} <= set(argv)


def test_the_name_of_the_medium(project: Project) -> None:
    assert iso_name(project) == "small-1.2.3-base-1.iso"
    assert iso_name(replace(project, unattended=True)) == "small-1.2.3-base-1-unattended.iso"


@pytest.mark.parametrize(
    ("version", "upstream"),
    [("2.3.9-1~deb13u1", "2.3.9"), ("2:11.3.0+dfsg-1", "11.3.0"), ("2.2.7-1.el10", "2.2.7"), ("git", "git")],
)
def test_upstream_versions(version: str, upstream: str) -> None:
    assert upstream_version(version) == upstream


def test_package_lists() -> None:
    assert parse_packages("b\t2\n\na\t1:1-1\nnonsense\n") == {"a": "1:1-1", "b": "2"}


def kernel(tree: Path, *names: str) -> Path:
    for name in names:
        (tree / f"usr/lib/modules/{name}/kernel").mkdir(parents=True)
        write(tree / f"usr/lib/modules/{name}/modules.order", "kernel/fs/ext4.ko\n")
    return tree


def test_facts_of_a_tree(project: Project, tmp_path: Path) -> None:
    facts = tree_facts(project.base, kernel(tmp_path, "6.1"), {"zfs": "2.3.9-1"})
    assert (facts["kernel"], facts["zfs"], facts["packages"]) == ("6.1", "2.3.9", {"zfs": "2.3.9-1"})


def test_a_tree_with_two_kernels_or_without_zfs(project: Project, tmp_path: Path) -> None:
    with pytest.raises(EdgeLinuxError, match=r"must hold one kernel, it holds 6.1, 6.2"):
        tree_facts(project.base, kernel(tmp_path / "two", "6.1", "6.2"), {"zfs": "2.3"})
    (tmp_path / "none/usr/lib/modules").mkdir(parents=True)
    with pytest.raises(EdgeLinuxError, match="it holds none"):
        tree_facts(project.base, tmp_path / "none", {"zfs": "2.3"})
    with pytest.raises(EdgeLinuxError, match="the tree has no package zfs"):
        tree_facts(project.base, kernel(tmp_path / "one", "6.1"), {})


@pytest.mark.parametrize(
    ("kernel_of", "zfs"), [("6.13.0", "2.3.9-1"), ("6.120", "2.3.9-1"), ("6.12.1", "2.4.0-1")]
)
def test_a_pair_of_kernel_and_zfs_that_nobody_tested_is_refused(
    project: Project, tmp_path: Path, kernel_of: str, zfs: str
) -> None:
    tested = project.base.zfs.tested.model_copy(update={"kernel": "6.12", "zfs": "2.3"})
    base = project.base.model_copy(update={"zfs": project.base.zfs.model_copy(update={"tested": tested})})
    assert tree_facts(base, kernel(tmp_path / "good", "6.12.9+x"), {"zfs": "2.3.9-1"})["zfs"] == "2.3.9"
    with pytest.raises(EdgeLinuxError, match=rf"kernel {kernel_of} and ZFS .*; tested were 6\.12 and 2\.3"):
        tree_facts(base, kernel(tmp_path / "bad", kernel_of), {"zfs": zfs})


def test_image_json(project: Project) -> None:
    found = image_json(project, {"a": "1"}, "6.1", "2.3.9")
    assert found["kernel_path"] == "/boot/vmlinuz-6.1"
    assert found["initramfs_path"] == "/boot/initramfs-6.1.img"
    assert found["kernel_args"] == ["quiet"]
    assert found["boot"] == {
        "shim": "/usr/lib/shim.efi",
        "mokmanager": "/usr/lib/mm.efi",
        "grub_efi": "/usr/lib/grub.efi",
        "grub_efi_prefix": "/EFI/base",
        "grub_efi_cd": "/usr/lib/gcd.efi",
        "grub_pc": "/usr/lib/grub/i386-pc",
    }


DPKG = """\
dpkg: dependency problems prevent configuration of edgelinux-hostd:
 edgelinux-hostd depends on python3-foo; however:
  Package python3-foo is not installed.
 edgelinux-hostd depends on bar (>= 2); however:
  Version of bar on system is 1.
"""


RPM = """\
error: Failed dependencies:
\tpython(abi) = 3.12 is needed by edgelinux-hostd-2.1.0-1.noarch
\tlxc is needed by edgelinux-hostd-2.1.0-1.noarch
"""

DNF = """\
Error:
 Problem: conflicting requests
  - nothing provides python(abi) = 3.12 needed by edgelinux-hostd-2.1.0-1.noarch from @commandline
  - nothing provides lxc needed by edgelinux-hostd-2.1.0-1.noarch
"""


@pytest.mark.parametrize("text", [RPM, DNF])
def test_missing_dependencies_are_named_when_packages_are_rpms(text: str) -> None:
    assert missing_dependencies(text) == [
        "edgelinux-hostd-2.1.0-1.noarch needs python(abi) = 3.12",
        "edgelinux-hostd-2.1.0-1.noarch needs lxc",
    ]


def test_missing_dependencies_are_named() -> None:
    assert missing_dependencies(DPKG) == [
        "edgelinux-hostd needs python3-foo",
        "edgelinux-hostd needs bar (>= 2)",
    ]
    assert missing_dependencies("dpkg: error processing archive\n") == []


MAKE = """\
  CC [M]  /build/module/zfs/arc.o
/build/module/zfs/arc.c:12:5: error: implicit declaration of function 'shrinker_register'
   12 |     shrinker_register(x);
make[3]: *** [scripts/Makefile.build:229: module/zfs/arc.o] Error 1
make[3]: Leaving directory
"""


def test_the_compilers_own_words() -> None:
    assert compiler_errors(MAKE)[0].endswith("error: implicit declaration of function 'shrinker_register'")
    assert compiler_errors("one\ntwo\nthree\n", limit=2) == ["two", "three"]
    assert compiler_errors("") == []


def test_stages_come_after_those_they_need(project: Project, tmp_path: Path) -> None:
    stages = iso_stages(project)
    names = [stage.name for stage in stages]
    for index, stage in enumerate(stages):
        assert set(stage.needs) <= set(names[:index])
    assert len(set(names)) == len(names)
    assert Cache(tmp_path).results() == []
