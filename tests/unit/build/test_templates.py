"""Antlet templates: their definitions, the keys of their stages, and what puts them together."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from edgelinux_build.antlet_templates import ApplianceRecipe, DiskRecipe, load_template, load_templates
from edgelinux_build.archive import ArchivePackage, write_index
from edgelinux_build.cache import Result
from edgelinux_build.cli import cli
from edgelinux_build.contents import template_components
from edgelinux_build.images import load_base, load_image
from edgelinux_build.licences import write_licences
from edgelinux_build.lock import LockedPackage
from edgelinux_build.menu import volume_label
from edgelinux_build.plan import keyed
from edgelinux_build.project import load_project
from edgelinux_build.stage import Project, Upstream
from edgelinux_build.stages import (
    forced_stages,
    iso_stages,
    lock_stages,
    template_build_stages,
    template_root,
)
from edgelinux_build.stages.bootable import Layout, grub_cfg, mke2fs_argv
from edgelinux_build.stages.iso import check_budget, templates_digest
from edgelinux_build.stages.lock_file import made_from
from edgelinux_build.stages.template import FILES, render_description
from edgelinux_build.stages.template_appliance import libraries, module_closure
from edgelinux_build.stages.template_root import FromElements, check_boots, tar_argv
from edgelinux_build.stages.templates import template_stage
from edgelinux_build.tree import fill
from edgelinux_build.wanted import wanted_by_template
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.templates import pipeline, render, template_file

from tests.unit.build.fakes import make_lock
from tests.unit.build.mirror.rpms import KERNEL, make_packages
from tests.unit.hostd.templates.conftest import offers_of

ROOT = Path(__file__).parents[3]
NAMES = ["centos-stream-10", "centos-stream-10.lxc", "debian-13", "debian-13.lxc", "tiny"]

RECIPE = """\
build: root
base: base-1
elements: [tiny]
sources:
  /etc/sources: "from {archive} and {security}\\n"
no_sources:
  /etc/motd: "no sources\\n"
"""


@pytest.fixture
def box(project: Project) -> Project:
    """A project whose image has one template."""
    folder = project.root / "images/templates/box"
    folder.mkdir(parents=True)
    (folder / "build.yaml").write_text(RECIPE)
    (folder / "template.yaml").write_text("name: box\nkind: lxc\nram: 64\n")
    (folder / "antlet.xml.j2").write_text("<domain type='lxc'/>\n")
    return replace(project, image=project.image.model_copy(update={"templates": ("box",)}))


def keys(project: Project) -> dict[str, str]:
    found: dict[str, str] = {}
    for stage in iso_stages(project):
        if stage.name.startswith("template-"):
            root = Upstream("root-tree", "the tree", {})
            found[stage.name] = keyed(stage, project, dict.fromkeys(stage.needs, root))[0]
    return found


def test_the_repositorys_templates_are_what_hostd_takes() -> None:
    assert [template.name for template in load_templates(ROOT)] == NAMES
    assert load_image(ROOT, "edgelinux").templates == ("debian-13.lxc", "tiny")
    for template in load_templates(ROOT):
        described = render_description(template.description, 1_700_000_000, "x86-64-v3")
        spec = template_file.parse(described, template.name)
        assert (spec.name, spec.version) == (template.name, "2023-11-14")
        assert spec.cpu_level == "x86-64-v3"
        text = (template.folder / "antlet.xml.j2").read_text(encoding="utf-8")
        domain = ET.fromstring(render.render(text, render.Variables("web1", 256, 2, "19")))  # noqa: S314 our own
        assert domain.get("type") == spec.kind
        assert domain.findtext("name") == "web1"
        assert domain.findtext("memory") == "256"
        assert domain.findtext("vcpu") == "2"
        mac = domain.find("devices/interface/mac")
        assert mac is not None
        assert mac.get("address") == "b2:61:6e:73:6c:19"
        sources = [node.attrib for node in domain.iterfind("devices/*/source")]
        place = "dir" if spec.kind == "lxc" else "file"
        below = "rootfs" if spec.kind == "lxc" else "disks/disk0.raw"
        assert {place: f"/antlets/web1/{below}"} in sources
        assert {"network": "bblv"} in sources


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("build.yaml", "build: magic\n", r"build\.yaml:1: build: is 'magic'"),
        ("build.yaml", f"{RECIPE}more: 1\n", r"build\.yaml:8: more: is not a known key"),
        ("build.yaml", RECIPE.replace("base-1", "base-9"), "there is no base 'base-9'"),
        ("template.yaml", "name: other\n", r"template\.yaml:1: name: is not 'box'"),
        ("template.yaml", "name: box\nversion: '1'\n", r"template\.yaml:2: version: is the day of the build"),
    ],
)
def test_a_wrong_definition_is_named(box: Project, file: str, text: str, message: str) -> None:
    (box.root / "images/templates/box" / file).write_text(text)
    with pytest.raises(EdgeLinuxError, match=message):
        load_template(box.root, "box")


def test_an_unknown_template_is_refused_with_those_there_are(box: Project) -> None:
    with pytest.raises(EdgeLinuxError, match="there is no template 'bax'") as caught:
        load_template(box.root, "bax")
    assert caught.value.hint == "known: box"
    (box.root / "images/templates/box/antlet.xml.j2").unlink()
    with pytest.raises(EdgeLinuxError, match=r"has no antlet\.xml\.j2"):
        load_template(box.root, "box")


def test_an_image_that_names_an_unknown_template_is_refused(repository: Path) -> None:
    image = repository / "images/small.yaml"
    image.write_text(f"{image.read_text()}templates: [bax]\n")
    with pytest.raises(EdgeLinuxError, match="there is no template bax"):
        load_image(repository, "small")


def test_what_a_template_is_made_from_makes_its_key(box: Project) -> None:
    before = keys(box)
    assert [*before] == ["template-box"]
    assert keys(replace(box, epoch=1, kickstart="# other\n")) == before
    mirror = box.image.model_copy(update={"template_mirrors": {"base-1": "http://mirror.example/os"}})
    assert keys(replace(box, image=mirror)) != before
    (box.root / "elements/tiny/README.rst").write_text("====\n")
    assert keys(box) == before
    (box.root / "elements/tiny/install.d/10-tiny").write_text("#!/bin/sh\n")
    changed = keys(box)
    assert changed != before
    (box.root / "images/templates/box/antlet.xml.j2").write_text("<domain type='lxc'></domain>\n")
    assert keys(box) != changed


def test_a_lock_enters_where_packages_are_taken(box: Project) -> None:
    def locked(version: str) -> Project:
        package = LockedPackage(version=version, architecture="all", sha256="")
        lock = make_lock(box).model_copy(update={"templates": {"box": {"a": package}}})
        return replace(box, lock=lock, locked=True)

    assert (
        len({keys(box)["template-box"], keys(locked("1"))["template-box"], keys(locked("2"))["template-box"]})
        == 3
    )
    assert lock_stages(box)[-1].needs[-1] == "template-box"


def test_another_template_makes_the_lock_file_old(box: Project) -> None:
    none = replace(box, image=box.image.model_copy(update={"templates": ()}))
    assert made_from(box) != made_from(none)


def test_the_medium_needs_its_templates(box: Project) -> None:
    stages = iso_stages(box)
    assert stages[-1].needs[-1] == "template-box"
    assert forced_stages(["templates", "squashfs"], stages) == {"template-box", "squashfs"}
    assert [stage.name for stage in template_build_stages(box, load_template(box.root, "box"))] == [
        "template-box"
    ]


def test_antlets_get_sources_only_from_a_mirror_that_is_named(box: Project) -> None:
    stage = template_stage(box, load_template(box.root, "box"))
    assert isinstance(stage, FromElements)
    assert stage.sources(box) == {"/etc/motd": "no sources\n"}
    image = box.image.model_copy(update={"template_mirrors": {"base-1": "http://mirror.example/os/"}})
    assert stage.sources(replace(box, image=image)) == {
        "/etc/sources": "from http://mirror.example/os and http://mirror.example/os-security\n"
    }


def test_an_image_names_mirrors_for_bases_that_there_are(repository: Path) -> None:
    image = repository / "images/small.yaml"
    image.write_text(f"{image.read_text()}template_mirrors: {{base-9: 'http://mirror.example'}}\n")
    with pytest.raises(
        EdgeLinuxError, match=r"small\.yaml:\d+: template_mirrors\.base-9: there is no base base-9"
    ):
        load_image(repository, "small")


def of_centos(name: str) -> set[str]:
    image, base = load_image(ROOT, "edgelinux"), load_base(ROOT, "centos-stream-10")
    return set(wanted_by_template(ROOT, image, base, load_template(ROOT, name)) or ())


def test_a_container_of_centos_has_no_kernel_and_no_policy() -> None:
    container, machine = of_centos("centos-stream-10.lxc"), of_centos("centos-stream-10")
    assert {"NetworkManager", "openssh-server", "procps-ng", "systemd"} <= container
    assert not [
        name for name in container if name.startswith(("kernel", "dracut", "selinux", "systemd-networkd"))
    ]
    assert machine - container == {
        *("cloud-init", "cloud-utils-growpart", "dracut", "dracut-config-generic", "e2fsprogs"),
        *("kernel-core", "policycoreutils", "selinux-policy-targeted"),
    }


@pytest.mark.parametrize("name", ["centos-stream-10", "centos-stream-10.lxc"])
def test_antlets_of_centos_check_their_packages_with_the_keys_of_the_base(name: str) -> None:
    project = load_project(ROOT, "edgelinux", "debian-13", None, ROOT / "out")
    mirrors = {"centos-stream-10": "http://mirror.example/centos-stream"}
    image = project.image.model_copy(update={"template_mirrors": mirrors})
    stage = template_stage(replace(project, image=image), load_template(ROOT, name))
    assert isinstance(stage, FromElements)
    files = stage.sources(replace(project, image=image))
    found = configparser.ConfigParser()
    found.read_string(files["/etc/yum.repos.d/centos.repo"])
    for identifier, folder in (("baseos", "BaseOS"), ("appstream", "AppStream")):
        place = f"http://mirror.example/centos-stream/10-stream/{folder}/$basearch/os"
        assert found[identifier]["baseurl"] == place
        assert found[identifier]["gpgcheck"] == "1"
        assert found[identifier]["gpgkey"].startswith("file:///etc/pki/rpm-gpg/")
    # A mirror of another base is none of its own.
    of_debian = image.model_copy(update={"template_mirrors": {"debian-13": "http://mirror.example/debian"}})
    without = stage.sources(replace(project, image=of_debian))
    assert "mirror.example" not in "".join(without.values())
    assert "/etc/yum.repos.d/centos.repo" in without["/etc/motd"]


def test_a_machine_without_what_its_loader_starts_is_refused(tmp_path: Path) -> None:
    template = load_template(ROOT, "centos-stream-10")
    assert isinstance(template.recipe, DiskRecipe)
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot/vmlinuz-6.12.0").write_text("kernel")
    (tmp_path / "boot/vmlinuz").symlink_to("vmlinuz-6.12.0")
    with pytest.raises(
        EdgeLinuxError, match=r"centos-stream-10: its tree has no /boot/initramfs\.img"
    ) as caught:
        check_boots(tmp_path, template, template.recipe)
    assert caught.value.hint == "`initramfs` in images/templates/centos-stream-10/build.yaml"
    (tmp_path / "boot/initramfs.img").write_text("initramfs")
    check_boots(tmp_path, template, template.recipe)


def test_a_machines_tree_is_labelled_with_its_own_policy_and_its_mount_points_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[Path, list[str]]] = []
    monkeypatch.setattr(template_root, "run_in", lambda root, argv, log: ran.append((root, [*argv])))
    contexts = tmp_path / "etc/selinux/targeted/contexts/files/file_contexts"
    contexts.parent.mkdir(parents=True)
    contexts.touch()
    (tmp_path / "etc/selinux/config").write_text("SELINUX=enforcing\nSELINUXTYPE=targeted\n")
    template_root.label(tmp_path, tmp_path / "log")
    inside = "/etc/selinux/targeted/contexts/files/file_contexts"
    assert ran == [(tmp_path, ["setfiles", "-F", inside, "/"])]


def test_an_appliance_wants_a_recipe_for_the_base(box: Project) -> None:
    shutil.copytree(ROOT / "images/templates/tiny", box.root / "images/templates/tiny")
    with pytest.raises(EdgeLinuxError, match="template tiny cannot be built on base-1") as caught:
        template_stage(box, load_template(box.root, "tiny"))
    assert "debian-13" in str(caught.value.hint)


def test_templates_beyond_their_budget_fail_the_build(box: Project, tmp_path: Path) -> None:
    folder = tmp_path / "made" / FILES
    folder.mkdir(parents=True)
    (folder / "root.tar.zst").write_bytes(bytes(2000))
    made = {"box": Result("template-box", "k", tmp_path / "made", "i", {}, {})}
    budget = box.image.budget.model_copy(update={"templates": 1000})
    with pytest.raises(EdgeLinuxError, match="the antlet templates are 0 MB"):
        check_budget(replace(box, image=box.image.model_copy(update={"budget": budget})), made)
    check_budget(box, made)


def test_packages_of_a_template_are_parts_of_their_own(box: Project, tmp_path: Path) -> None:
    write_index(tmp_path, [ArchivePackage("a", "1", "all", "", "pool/a.deb", "a", "1", "", "")])
    write_licences(tmp_path, {})
    (part,) = template_components(box.base, "box", tmp_path)
    assert (part.name, part.version, part.within) == ("a", "1", "box")


MODULES_DEP = """\
kernel/net/virtio_net.ko.xz: kernel/net/net_failover.ko.xz kernel/net/failover.ko.xz
kernel/net/net_failover.ko.xz: kernel/net/failover.ko.xz
kernel/net/failover.ko.xz:
kernel/char/virtio-rng.ko.xz:
"""


def test_modules_come_after_those_they_need() -> None:
    assert module_closure(MODULES_DEP, "kernel/fs/ext4.ko\n", ["virtio_net", "ext4", "virtio_rng"]) == [
        "kernel/net/failover.ko.xz",
        "kernel/net/net_failover.ko.xz",
        "kernel/net/virtio_net.ko.xz",
        "kernel/char/virtio-rng.ko.xz",
    ]
    with pytest.raises(EdgeLinuxError, match="the kernel has no module nothing"):
        module_closure(MODULES_DEP, "", ["nothing"])


def test_the_libraries_of_a_program() -> None:
    said = (
        "\tlinux-vdso.so.1 (0x00007ffd)\n"
        "\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f)\n"
        "\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n"
    )
    assert libraries(said) == ["/lib/x86_64-linux-gnu/libz.so.1", "/lib64/ld-linux-x86-64.so.2"]
    assert libraries("\tnot a dynamic executable\n") == []


def test_the_commands_that_make_the_same_bytes_again() -> None:
    layout = Layout(64 * 2**20, "tiny-root", "")
    argv = mke2fs_argv(layout)
    assert argv[-2:] == ["/disk0.raw", "64512k"]
    assert "offset=1048576" in argv[argv.index("-E") + 1]
    assert argv == mke2fs_argv(layout)
    assert "-J" not in mke2fs_argv(Layout(2**31, "antlet-root", ""))
    assert "--sort=name" in tar_argv(Path("/t"), Path("/o.tar"), 7)
    assert "--mtime=@7" in tar_argv(Path("/t"), Path("/o.tar"), 7)
    assert grub_cfg("/vmlinuz", "/initrd", ["quiet"]) == "linux /vmlinuz quiet\ninitrd /initrd\nboot\n"


def test_the_command_lists_the_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGELINUX_ROOT", str(ROOT))
    said = CliRunner().invoke(cli, ["template", "list"])
    assert said.exit_code == 0
    assert [line.split()[0] for line in said.output.splitlines()] == ["TEMPLATE", *NAMES]
    assert CliRunner().invoke(cli, ["template", "list", "--format", "json"]).output.startswith("[")


def test_the_repositorys_templates_have_stages() -> None:
    project = load_project(ROOT, "edgelinux", "debian-13", None, ROOT / "out")
    names = [stage.name for stage in iso_stages(project)]
    assert names[-3:] == ["template-debian-13.lxc", "template-tiny", "iso"]
    assert template_build_stages(project, load_template(ROOT, "debian-13"))[-1].name == "template-debian-13"


def test_media_with_other_templates_have_other_labels(tmp_path: Path) -> None:
    def digest(sha256: str) -> str:
        return templates_digest(
            {"box": Result("template-box", "k", tmp_path, "i", {}, {"files": {"a": sha256}})}
        )

    labels = {volume_label("system", "kickstart", found) for found in ("", digest("1"), digest("2"))}
    assert len(labels) == 3
    assert templates_digest({}) == ""
    assert volume_label("system", "kickstart", "") == volume_label("system", "kickstart")


@pytest.mark.parametrize("name", NAMES)
def test_hosts_start_the_repositorys_templates_as_they_are(name: str) -> None:
    text = (ROOT / "images/templates" / name / "antlet.xml.j2").read_text(encoding="utf-8")
    assert pipeline.prepare(text, pipeline.sample(), offers_of("kvm"), validate=False).notes == ()


@pytest.mark.skipif(
    any(not shutil.which(name) for name in ("rpmbuild", "rpmsign", "rpmkeys", "rpm2cpio", "cpio")),
    reason="needs rpm and cpio",
)
def test_an_appliance_takes_signed_rpms_only(tmp_path: Path) -> None:
    """The recipe's own command, with the programs of the build host in the place of the tree's."""
    recipe = load_template(ROOT, "tiny").recipe
    assert isinstance(recipe, ApplianceRecipe)
    parts = recipe.bases["centos-stream-10"]
    tree = tmp_path / "tree"
    # As in the tree: what packages say of /lib is put into /usr/lib.
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "lib").symlink_to("usr/lib")

    def run(argv: Sequence[str], package: Path) -> subprocess.CompletedProcess[str]:
        words = [fill(word, {"package": str(package)}) for word in argv]
        words = [word.replace("--directory=/", f"--directory={tree}") for word in words]
        env = {**os.environ, "HOME": str(tmp_path)}
        return subprocess.run(words, env=env, capture_output=True, text=True, check=False)

    (tmp_path / ".rpmmacros").write_text(f"%_dbpath {tmp_path}/db\n")
    with tempfile.TemporaryDirectory(prefix="rpms-") as folder:
        packages = make_packages(Path(folder))
        run(["rpmkeys", "--import", str(packages.keys / "good.asc")], tree)
        for refused in (packages.unsigned, packages.other):
            package = packages.of("kernel-core", folder=refused)[0]
            assert run(parts.unpack, package).returncode != 0
            assert not [*(tree / "usr/lib").iterdir()]
        (package, *_) = packages.of("kernel-core")
        done = run(parts.unpack, package)
        assert done.returncode == 0, done.stderr
        assert (tree / "usr/lib/modules" / KERNEL / "kernel/fs/ext4.ko").is_file()
        assert run(parts.name, package).stdout == "kernel-core\t1.0-1\n"
