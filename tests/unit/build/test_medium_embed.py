"""Another kickstart for a built ISO: what comes out is what a build would have made."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.cache import Result
from edgelinux_build.cli import main
from edgelinux_build.medium import embed as embedding
from edgelinux_build.medium.boot_paths import find_boot_paths
from edgelinux_build.medium.embed import Answer, answer_from_kickstart, answer_from_site, embed
from edgelinux_build.medium.files import GRUB_CFG, KICKSTART
from edgelinux_build.medium.image import open_iso
from edgelinux_build.outputs import lookup_output
from edgelinux_build.plan import keyed
from edgelinux_build.stage import Project, Upstream
from edgelinux_build.stages.iso import Iso
from edgelinux_build.verify import verify
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.kickstart import KickstartError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.unit.build.standin import make_results, make_standin

SITE = """\
hostname: edge7
unattended: true
serial_console: ttyS1,9600
root:
  ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8WlxMyvh2yCGV7tcx5HfEGxIrqKbfcGOPiTbLRJ0ab me@example]
"""


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Result]:
    return make_results(tmp_path / "results")


@pytest.fixture
def iso(project: Project, results: dict[str, Result], tmp_path: Path) -> Path:
    return make_standin(project, results, tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE, encoding="utf-8")
    return path


def edgelinux(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in arguments])
    assert isinstance(caught.value.code, int)
    return caught.value.code


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def sums(folder: Path) -> dict[str, str]:
    rows = (line.split() for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in rows}


def test_a_site_file_gives_the_bytes_of_a_build_with_it(
    project: Project, results: dict[str, Result], iso: Path, site: Path, tmp_path: Path
) -> None:
    answer = answer_from_site(site)
    built = make_standin(
        replace(project, kickstart=answer.kickstart, unattended=True, serial="ttyS1,9600"),
        results,
        tmp_path,
        name="again",
        out=tmp_path / "built",
    )
    new = tmp_path / "new" / built.name
    new.parent.mkdir()
    assert edgelinux("iso", "embed", iso, "--site", site, "--out", new) == 0
    assert new.read_bytes() == built.read_bytes()
    assert sums(new.parent)[new.name] == sums(built.parent)[built.name]
    made, wanted = (json.loads((path.parent / "manifest.json").read_text()) for path in (new, built))
    assert {**made, "base_why": ""} == {**wanted, "base_why": "", "stages": made["stages"]}
    # A build with that site file into that directory takes what is there.
    stage = Iso()
    stage_inputs = {need: Upstream.of(results[need]) for need in stage.needs}
    key, _ = keyed(
        stage,
        replace(project, kickstart=answer.kickstart, unattended=True, serial="ttyS1,9600"),
        stage_inputs,
    )
    assert lookup_output(new.parent, key) is not None


def test_an_iso_that_asks_does_so_no_more_with_a_kickstart_of_its_own(
    project: Project, results: dict[str, Result], site: Path, tmp_path: Path
) -> None:
    asking = make_standin(project, results, tmp_path, asks=True)
    assert open_iso(asking).info.asks
    assert b" edgelinux.install=ask\n" in open_iso(asking).read(GRUB_CFG)
    new = tmp_path / "new/edge.iso"
    assert edgelinux("iso", "embed", asking, "--site", site, "--out", new) == 0
    assert not open_iso(new).info.asks
    assert b"edgelinux.install=ask" not in open_iso(new).read(GRUB_CFG)


def xorriso_reports(iso: Path) -> str:
    argv: list[str | Path] = ["xorriso", "-no_rc", "-indev", iso]
    argv += ["-report_el_torito", "plain", "-report_system_area", "plain"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def structure(report: str) -> list[str]:
    """The boot images and partitions without their addresses, which move when files grow."""
    kept = [
        line for line in report.splitlines() if not re.match(r"El Torito catalog|ISO image|GPT lba", line)
    ]
    return [re.sub(r"\b\d{2,}\b", "N", line) for line in kept]


def test_all_boot_paths_stay(iso: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.iso"
    embed(iso, Answer("# longer\n" * 5000), new)
    before, after = xorriso_reports(iso), xorriso_reports(new)
    assert "grub2-mbr" in before
    assert structure(after) == structure(before)
    assert before != after
    assert find_boot_paths(open_iso(new)).missing == []
    assert open_iso(new).problems() == []


def test_every_place_that_names_the_label_follows(iso: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.iso"
    old_label = open_iso(iso).label
    label = embed(iso, Answer("# another\n"), new)["iso"]["label"]
    assert label != old_label
    image = open_iso(new)
    assert image.label == image.info.label == label
    assert image.read(KICKSTART) == b"# another\n"
    content = new.read_bytes()
    assert old_label.encode() not in content
    assert content.count(f"CDLABEL={label} ".encode()) >= 2
    assert f"search --no-floppy --set=root --label {label}\n".encode() in image.interval(image.uefi())


def test_the_system_is_not_touched(iso: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.iso"
    embed(iso, Answer("# another\n"), new)
    old, image = open_iso(iso), open_iso(new)
    assert set(old.extents) == set(image.extents)
    changed = {name for name in image.sums if image.sums[name] != old.sums[name]}
    assert changed == {"boot/grub/grub.cfg", "edgelinux/ks.cfg", "edgelinux/media.json"}


def test_without_a_manifest_the_iso_speaks_for_itself(iso: Path, tmp_path: Path) -> None:
    (iso.parent / "manifest.json").unlink()
    new = tmp_path / "new.iso"
    returned = embed(iso, Answer("# another\n"), new)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest == returned
    digest = hashlib.sha256(new.read_bytes()).hexdigest()
    assert manifest["iso"] == {
        "name": "new.iso",
        "size": new.stat().st_size,
        "sha256": digest,
        "label": open_iso(new).label,
    }
    assert (manifest["product"], manifest["kernel"], manifest["base"]) == ("Small OS", "6.1", "base-1")
    assert "stages" not in manifest
    assert sums(tmp_path)["new.iso"] == digest


def test_the_bill_of_materials_follows(iso: Path, tmp_path: Path) -> None:
    embed(iso, Answer("# another\n"), tmp_path / "new.iso")
    old, new = (
        json.loads(path.read_text(encoding="utf-8"))
        for path in (iso.with_suffix(".spdx.json"), tmp_path / "new.spdx.json")
    )
    (medium,) = (package for package in new["packages"] if package["SPDXID"] == "SPDXRef-medium")
    assert medium["packageFileName"] == "new.iso"
    assert medium["checksums"] == [{"algorithm": "SHA256", "checksumValue": sums(tmp_path)["new.iso"]}]
    assert new["documentNamespace"] != old["documentNamespace"]
    assert validate_full_spdx_document(parse_file(str(tmp_path / "new.spdx.json"))) == []
    assert len(new["packages"]) == len(old["packages"])
    assert all(finding.good for finding in verify(tmp_path) if not finding.signature)


def test_beside_the_old_iso_its_checksum_stays(iso: Path) -> None:
    embed(iso, Answer("# another\n"), iso.with_name("new.iso"))
    assert {iso.name, "new.iso"} <= set(sums(iso.parent))
    done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=iso.parent, capture_output=True)
    assert done.returncode == 0


def test_embedding_again_leads_back(iso: Path, project: Project, tmp_path: Path) -> None:
    embed(iso, Answer("# another\n", unattended=True), tmp_path / "new.iso")
    embed(tmp_path / "new.iso", Answer(project.kickstart), tmp_path / "back.iso")
    assert (tmp_path / "back.iso").read_bytes() == iso.read_bytes()


# Kickstarts


LOGIN = "rootpw --iscrypted $6$x$y\n"


@pytest.mark.parametrize(
    "text",
    [
        LOGIN,
        "rootpw --lock\nsshkey --username=root 'ssh-ed25519 AAAA me'\n",
        "user --name=me --password=x --plaintext\n",
    ],
)
def test_an_unattended_kickstart_with_a_login(text: str, tmp_path: Path) -> None:
    answer = answer_from_kickstart(write(tmp_path / "ks.cfg", text), unattended=True)
    assert answer == Answer(text, unattended=True, file=str(tmp_path / "ks.cfg"))


@pytest.mark.parametrize("text", ["text\n", "rootpw --lock\n", "user --name=me\n", "user --name=me --lock\n"])
def test_an_unattended_kickstart_that_lets_nobody_in(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "ks.cfg", text)
    with pytest.raises(EdgeLinuxError, match=r"ks\.cfg: nobody could log in to the installed host") as caught:
        answer_from_kickstart(path, unattended=True)
    assert caught.value.exit_code == 2
    assert answer_from_kickstart(path).unattended is False


def test_the_menu_of_an_unattended_medium(iso: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "ks.cfg", LOGIN)
    new = tmp_path / "new.iso"
    assert edgelinux("iso", "embed", iso, "--kickstart", path, "--unattended", "--out", new) == 0
    menu = open_iso(new).read("boot/grub/grub.cfg").decode()
    assert "set default=install\n" in menu
    assert "--unit=0 --speed=115200" in menu  # that of the ISO
    assert "set default=install\n" not in open_iso(iso).read("boot/grub/grub.cfg").decode()


def test_a_kickstart_that_would_be_refused(
    iso: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "ks.cfg", "text\nbtrfs none\n")
    new = tmp_path / "new.iso"
    assert edgelinux("iso", "embed", iso, "--kickstart", path, "--out", new) == 2
    assert capsys.readouterr().err.startswith(f"edgelinux: {path}:2: btrfs is not supported")
    assert not new.exists()
    with pytest.raises(KickstartError, match=r"none\.cfg: cannot be read: No such file"):
        answer_from_kickstart(tmp_path / "none.cfg")
    path.write_bytes(b"\xff")
    with pytest.raises(KickstartError, match="is not UTF-8 text"):
        answer_from_kickstart(path)


def test_a_kickstart_that_this_iso_cannot_carry_out(iso: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "ks.cfg", "text\nselinux --enforcing\n")
    with pytest.raises(KickstartError, match=r"ks\.cfg:2: selinux --enforcing: Base 1 has no SELinux"):
        embed(iso, answer_from_kickstart(path), tmp_path / "new.iso")
    assert not (tmp_path / "new.iso").exists()


# Refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give one of --kickstart and --site"),
        (("--kickstart", "ks.cfg", "--site", "site.yaml"), "give one of --kickstart and --site"),
        (("--site", "site.yaml", "--unattended"), "in a site file write `unattended: true`"),
    ],
)
def test_wrong_options(
    iso: Path, tmp_path: Path, options: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edgelinux("iso", "embed", iso, *options, "--out", tmp_path / "new.iso") == 2
    assert message in capsys.readouterr().err


def test_an_output_that_exists(iso: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new.iso", "precious")
    with pytest.raises(EdgeLinuxError, match=r"new\.iso exists \(--force replaces it"):
        embed(iso, Answer("#\n"), new)
    assert new.read_text() == "precious"
    embed(iso, Answer("#\n"), new, force=True)
    assert open_iso(new).read(KICKSTART) == b"#\n"


def test_the_output_is_not_the_input(iso: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.iso"
    link.symlink_to(iso)
    before = iso.read_bytes()
    for out in (iso, link):
        with pytest.raises(EdgeLinuxError, match="is the ISO that is read"):
            embed(iso, Answer("#\n"), out, force=True)
    assert iso.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "is a directory"),
        ("manifest.json", "cannot name an ISO"),
        ("a b.iso", "cannot name an ISO"),
    ],
)
def test_bad_outputs(iso: Path, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(EdgeLinuxError, match=message) as caught:
        embed(iso, Answer("#\n"), tmp_path / name)
    assert caught.value.exit_code == 2


def test_the_directory_is_made(iso: Path, tmp_path: Path) -> None:
    embed(iso, Answer("#\n"), tmp_path / "deep/media/new.iso")
    assert (tmp_path / "deep/media/new.iso").is_file()
    (tmp_path / "file").touch()
    with pytest.raises(EdgeLinuxError, match=r"cannot write to .*/file: Not a directory"):
        embed(iso, Answer("#\n"), tmp_path / "file/new.iso")


def test_what_is_no_iso_of_ours(iso: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.iso"
    with pytest.raises(EdgeLinuxError, match=r"cannot read .*other\.iso: No such file"):
        open_iso(other)
    write(other, "not an ISO\n")
    with pytest.raises(EdgeLinuxError, match=r"other\.iso is not an ISO"):
        open_iso(other)
    other.write_bytes(iso.read_bytes()[: 16 * 2048 + 10])
    with pytest.raises(EdgeLinuxError, match=r"other\.iso is not an ISO"):
        open_iso(other)
    subprocess.run(
        ["xorriso", "-as", "mkisofs", "-o", other, iso.parent / "SHA256SUMS"], check=True, capture_output=True
    )
    with pytest.raises(EdgeLinuxError, match=r"not an edgeLinux ISO: it has no edgelinux/media\.json"):
        open_iso(other)


def test_an_iso_of_before(iso: Path, tmp_path: Path) -> None:
    media = write(tmp_path / "media.json", '{"label": "L", "version": "1", "unattended": false}\n')
    old = tmp_path / "old.iso"
    subprocess.run(
        ["xorriso", "-as", "mkisofs", "-graft-points", "-o", old, f"/edgelinux/media.json={media}"],
        check=True,
        capture_output=True,
    )
    with pytest.raises(
        EdgeLinuxError, match=r"made by another version .* product: field required .*build it"
    ):
        open_iso(old)


@pytest.mark.parametrize("missing", [1, 400_000])
def test_an_iso_that_is_cut_off(iso: Path, tmp_path: Path, missing: int) -> None:
    content = iso.read_bytes()
    iso.write_bytes(content[:-missing])
    with pytest.raises(
        EdgeLinuxError, match=f"is cut off: it has {len(content) - missing} of {len(content)}"
    ):
        embed(iso, Answer("#\n"), tmp_path / "new.iso")
    assert [path.name for path in tmp_path.glob(".new.iso*")] == []


def test_a_damaged_system_is_not_passed_on(iso: Path, tmp_path: Path) -> None:
    where = open_iso(iso).extents["live/edgelinux.squashfs"]
    with iso.open("r+b") as file:
        file.seek(where.offset + 1000)
        file.write(b"damage")
    with pytest.raises(EdgeLinuxError, match=r"is damaged: live/edgelinux\.squashfs is damaged"):
        embed(iso, Answer("#\n"), tmp_path / "new.iso")
    assert not (tmp_path / "new.iso").exists()


def test_what_xorriso_says_is_passed_on(iso: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of command line is not; a label that it refuses stands for whatever goes wrong in it."""
    monkeypatch.setattr(embedding, "volume_label", lambda *_: "X" * 40)
    with pytest.raises(
        EdgeLinuxError, match=r"^xorriso failed with exit code \d+: xorriso : FAILURE : "
    ) as caught:
        embed(iso, Answer("#\n"), tmp_path / "new.iso")
    assert len(str(caught.value)) < 200


def test_no_room(iso: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "free_bytes", lambda folder: 1_000_000)
    with pytest.raises(EdgeLinuxError, match=r"needs \d+ MB in .*, 1 MB are free") as caught:
        embed(iso, Answer("#\n"), tmp_path / "new.iso")
    assert caught.value.exit_code == 5


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_room_that_runs_out(iso: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small]).returncode:
        pytest.skip("no tmpfs here")
    monkeypatch.setattr(embedding, "free_bytes", lambda folder: 10**9)
    try:
        with pytest.raises(EdgeLinuxError, match="no space left on the file system of") as caught:
            embed(iso, Answer("#\n"), small / "new.iso")
        assert caught.value.exit_code == 5
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)
