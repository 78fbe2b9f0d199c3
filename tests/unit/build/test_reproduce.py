"""The same inputs give the same bytes, whatever directory and clock; the real stages with small stand-ins."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from edgelinux_build import reproduce
from edgelinux_build.archive import to_json, write_index
from edgelinux_build.cache import Result
from edgelinux_build.inputs import Json
from edgelinux_build.licences import write_licences
from edgelinux_build.mirrors import MirrorUrls
from edgelinux_build.reproduce import artefacts, build_argv, compare, conditions, table
from edgelinux_build.stage import Context, Project
from edgelinux_build.stages.bootloader import make_esp
from edgelinux_build.stages.iso import Iso
from edgelinux_build.tree import copy_sources, set_times

from tests.unit.build.test_cli import edgelinux
from tests.unit.build.test_sbom import archived

needs_tools = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("xorriso", "mcopy", "mkfs.vfat")),
    reason="needs xorriso, mtools and dosfstools",
)

MAKE = """\
import os, sys
from pathlib import Path
from tests.unit.build.test_reproduce import make_medium
from edgelinux_build.images import load_base, load_image
from edgelinux_build.stage import Project

repository, folder = Path(sys.argv[1]), Path(sys.argv[2])
os.umask(int(sys.argv[3], 8))
project = Project(
    repository, load_image(repository, "small"), load_base(repository, "base-1"), "", "# kickstart\\n", False,
    "ttyS0", 1_700_000_000, folder / "out", 1,
)
make_medium(project, folder)
"""


def context(project: Project, folder: Path, upstream: dict[str, Result]) -> Context:
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    return Context(
        project, upstream, scratch, folder / "log", lambda: MirrorUrls("http://none"), lambda text: None
    )


def make_medium(project: Project, folder: Path) -> None:
    """Run what makes ESP and ISO over a root tree, squashfs and index that are small files."""
    root, loader = folder / "root", folder / "loader"
    boot = project.base.boot
    for path in (boot.shim, boot.mokmanager, boot.grub_efi_cd):
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(path.encode() * 100)
        os.utime(file, (1_690_000_000, 1_690_000_000))  # as its package has it
    (loader / "i386-pc").mkdir(parents=True)
    (loader / "net").mkdir()
    for name in ("grubx64.efi", "core.0"):
        (loader / "net" / name).write_bytes(bytes(100))
    for name, size in (("eltorito.img", 40_000), ("boot_hybrid.img", 512), ("i386-pc/a.mod", 100)):
        (loader / name).write_bytes(bytes(size))
    squashfs, index = folder / "squashfs", folder / "index"
    squashfs.mkdir()
    for name in ("edgelinux.squashfs", "vmlinuz", "initramfs.img"):
        (squashfs / name).write_text(name, encoding="utf-8")
    digest = hashlib.sha512(b"edgelinux.squashfs").hexdigest()
    (squashfs / "SHA512SUMS").write_text(f"{digest}  edgelinux.squashfs\n", encoding="utf-8")
    index.mkdir()
    write_index(index, [archived("zfs")])
    write_licences(index, {})
    facts: dict[str, Json] = {
        "sha256": "0" * 64,
        "sizes": {},
        "kernel": "6.1",
        "zfs": "2.3",
        "packages": {"zfs": "1:2-3"},
    }
    upstream = {
        "boot-loader": Result("boot-loader", "k", loader, "k"),
        "squashfs": Result("squashfs", "k", squashfs, "k", facts=facts),
        "package-index": Result("package-index", "k", index, "k"),
        "zfs-modules": Result(
            "zfs-modules",
            "k",
            folder,
            "k",
            facts={"kernel": "6.1", "zfs": "2.3", "packages": to_json([archived("zfs-source")])},
        ),
    }
    ctx = context(project, folder / "work", upstream)
    make_esp(ctx, root, loader / "esp.img")
    project.out.mkdir()
    made = Iso().run(ctx, project.out)
    (project.out / "facts.json").write_text(json.dumps(made, sort_keys=True), encoding="utf-8")


@needs_tools
def test_esp_iso_and_bill_of_materials_are_the_same_wherever_and_whenever(
    repository: Path, tmp_path: Path
) -> None:
    digests = []
    for how in conditions():
        folder = tmp_path / how.folder
        folder.mkdir(parents=True)
        root = Path(__file__).resolve().parents[3]
        path = os.pathsep.join(str(root / name) for name in ("build", "kickstart", "hostd", "."))
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(MAKE), repository, folder, f"{how.umask:o}"],
            check=True,
            env={**os.environ, "PYTHONPATH": path, **how.environment},
        )
        made = {"esp.img": folder / "loader/esp.img", **{p.name: p for p in (folder / "out").iterdir()}}
        digests.append({name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in made.items()})
    assert digests[0] == digests[1]
    assert {"esp.img", "small-1.2.3-base-1.iso", "small-1.2.3-base-1.spdx.json"} <= digests[0].keys()


def test_the_conditions_differ_in_all_that_must_not_matter() -> None:
    one, two = conditions()
    assert len(one.folder) != len(two.folder)
    assert (one.hostname, one.umask) != (two.hostname, two.umask)
    assert one.environment["TZ"] != two.environment["TZ"]
    argv = build_argv(two, Path("/h/hosts"), ["--out", "/o p"])
    assert argv[:5] == ["unshare", "--uts", "--mount", "sh", "-c"]
    assert argv[5].startswith("hostname the-other && mount --bind /h/hosts /etc/hosts && umask 077 && exec ")
    assert argv[5].endswith("build --out '/o p'")


def test_the_other_clock_is_found_where_a_distribution_has_it(tmp_path: Path) -> None:
    _, other = conditions([tmp_path / "none"])
    assert "FAKETIME" not in other.environment
    library = tmp_path / "lib64/libfaketimeMT.so.1"
    library.parent.mkdir()
    library.touch()
    _, other = conditions([tmp_path / "none", library.parent])
    assert (other.environment["LD_PRELOAD"], other.environment["FAKETIME"]) == (str(library), "+9d")


def test_files_that_were_made_carry_the_epoch_and_packages_files_their_own_time(tmp_path: Path) -> None:
    tree, since = tmp_path / "tree", tmp_path / "since"
    (tree / "deep").mkdir(parents=True)
    packaged = tree / "deep/module.py"
    packaged.touch()
    os.utime(packaged, (1_500_000_000, 1_500_000_000))
    since.touch()
    os.utime(tree, (1_500_000_000, 1_500_000_000))
    (tree / "deep/made").touch()
    (tree / "deep/link").symlink_to("nowhere")
    set_times(tree, since, 1_400_000_000)
    found = {str(path.relative_to(tmp_path)): path.lstat().st_mtime for path in (tree, *tree.rglob("*"))}
    assert found.pop("tree/deep/module.py") == 1_500_000_000
    assert found.pop("tree") == 1_500_000_000
    assert set(found.values()) == {1_400_000_000}


def test_a_checkouts_modes_do_not_get_into_the_tree(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "units").mkdir(parents=True, mode=0o700)
    for name, mode in (("units/a.service", 0o600), ("units/run", 0o700), ("units/left.md", 0o644)):
        (source / name).touch()
        (source / name).chmod(mode)
    (source / "link").symlink_to("units")
    copy_sources(source, tmp_path / "target", ignore=("*.md",))
    target = tmp_path / "target"
    modes = {path.name: path.stat().st_mode & 0o777 for path in target.rglob("*") if not path.is_symlink()}
    assert modes == {"units": 0o755, "a.service": 0o644, "run": 0o755}
    assert (target / "link").readlink() == Path("units")


def made_by(where: Path, iso: str) -> dict[str, Path]:
    """Outputs and one stage's result, as a build leaves them."""
    for name, text in {
        "out/small.iso": iso,
        "out/timings.json": f"{where}",
        "cache/edgelinux/stages/squashfs/key/small.squashfs": "same",
        "cache/edgelinux/stages/squashfs/key/result.json": f"{where}",
    }.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text, encoding="utf-8")
    return artefacts(where)


def test_what_is_compared(tmp_path: Path) -> None:
    one, two = made_by(tmp_path / "a", "iso"), made_by(tmp_path / "b", "iso")
    assert list(one) == ["small.iso", "squashfs/small.squashfs"]
    assert all(pair.same for pair in compare(one, two))
    del two["squashfs/small.squashfs"]
    assert [pair.name for pair in compare(one, two) if not pair.same] == ["squashfs/small.squashfs"]


def test_many_files_that_are_all_the_same_are_one_row(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        result = tmp_path / name / "cache/edgelinux/stages/boot-loader/key/modules"
        result.mkdir(parents=True)
        (tmp_path / name / "out").mkdir()
        for number in range(30):
            (result / f"{number}.mod").write_text("12", encoding="utf-8")
        made.append((result, artefacts(tmp_path / name)))
    assert table(compare(made[0][1], made[1][1]))[1:] == [
        "same  60              boot-loader/modules/ (30 files)"
    ]
    (made[1][0] / "7.mod").write_text("21", encoding="utf-8")
    rows = [line.split() for line in table(compare(made[0][1], made[1][1]))]
    assert len(rows) == 31
    assert [row[-1] for row in rows if row[0] == "DIFFERS"] == ["boot-loader/modules/7.mod"]


@pytest.mark.parametrize(
    ("second", "code", "last"), [("iso", 0, "all are the same"), ("iSo", 1, "1 of 2 differ")]
)
def test_the_command(
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    second: str,
    code: int,
    last: str,
) -> None:
    contents = iter(("iso", second))
    subprocess.run(["git", "init", "--quiet", repository], check=True)
    monkeypatch.setenv("EDGELINUX_ROOT", str(repository))
    monkeypatch.setattr("edgelinux_build.rights.os.geteuid", lambda: 0)

    def build(where: Path, *more: object) -> float:
        made_by(where, next(contents))
        return 1.0

    monkeypatch.setattr(reproduce, "_build", build)
    assert edgelinux("reproduce", str(tmp_path / "both")) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith(last)
    verdicts = {line.split()[-1]: line.split()[0] for line in lines[1:3]}
    assert verdicts == {
        "small.iso": "same" if code == 0 else "DIFFERS",
        "squashfs/small.squashfs": "same",
    }
