"""A directory of site files, one for each machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.sites import SitesError, load_sites
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.identity import Identity
from edgelinux_installer.site.model import load_site
from edgelinux_installer.site.render import render_kickstart

from tests.unit.build.fakes import make_info

UUID = "4c4c4544-0042-3510-8052-b4c04f4d3732"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8WlxMyvh2yCGV7tcx5HfEGxIrqKbfcGOPiTbLRJ0ab me@example"
INFO = make_info()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "sites"
    made.mkdir()
    return made


def put(folder: Path, name: str, text: str = "hostname: edge1\n") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def kickstart(folder: Path, *more: str) -> str:
    """Give the text of a kickstart that is accepted, with more lines in front."""
    path = folder.parent / "one.yaml"
    path.write_text(f"hostname: edge1\nroot: {{ssh_keys: ['{KEY}']}}\n", encoding="utf-8")
    return "\n".join([*more, render_kickstart(load_site(path))])


def test_each_machine_gets_its_own(folder: Path) -> None:
    put(folder, "AA:BB:CC:DD:EE:01.yaml", "hostname: bymac\n")
    put(folder, "serial-5B3R2M1.yaml", "hostname: byserial\n")
    put(folder, f"uuid-{UUID.upper()}.yaml", "hostname: byuuid\n")
    put(folder, "default.ks", kickstart(folder))
    put(folder, "README.md", "not a site file")
    put(folder, ".gitignore", "*")
    sites = load_sites(folder)
    assert [entry.key for entry in sites.entries] == [
        "aa-bb-cc-dd-ee-01",
        "default",
        "serial-5b3r2m1",
        f"uuid-{UUID}",
    ]

    def host(machine: Identity) -> str:
        entry = sites.find(machine)
        assert entry is not None
        return str(entry.kickstart.hostname)

    mac = "aa:bb:cc:dd:ee:01"
    assert host(Identity((mac,), "5b3r2m1", UUID)) == "byuuid"
    assert host(Identity((mac,), "5b3r2m1", "")) == "byserial"
    assert host(Identity(("aa:bb:cc:dd:ee:02", mac), "other", "")) == "bymac"
    assert host(Identity(("aa:bb:cc:dd:ee:02",), "other", "")) == "edge1"


def test_a_site_file_becomes_the_kickstart_that_render_gives(folder: Path) -> None:
    file = put(folder, "default.yaml", "hostname: edge7\n")
    (entry,) = load_sites(folder).entries
    assert entry.text == render_kickstart(load_site(file))
    assert entry.file == file


def test_without_a_default_other_machines_get_nothing(folder: Path) -> None:
    put(folder, "serial-5B3R2M1.yaml")
    assert load_sites(folder).find(Identity(("aa:bb:cc:dd:ee:01",), "other", UUID)) is None


def test_two_files_for_one_machine_are_refused(folder: Path) -> None:
    put(folder, "aa-bb-cc-dd-ee-01.yaml")
    put(folder, "AA:BB:CC:DD:EE:01.ks", kickstart(folder))
    with pytest.raises(SitesError, match=r"aa-bb-cc-dd-ee-01\.yaml is for the same machine as AA:BB"):
        load_sites(folder)


def test_all_that_is_wrong_is_said_at_once(folder: Path) -> None:
    put(folder, "web1.yaml")
    put(folder, "notes.txt")
    put(folder, "serial-X1.yaml", "hostnam: edge1\n")
    put(folder, "serial-X2.ks", "autopart --type=lvm\n")
    (folder / "more.yaml").mkdir()
    with pytest.raises(SitesError) as caught:
        load_sites(folder)
    lines = str(caught.value).splitlines()
    assert caught.value.exit_code == 2
    assert len(lines) == 5
    assert "more.yaml is no site file" in lines[0]
    assert "notes.txt is no site file (name it aa-bb-" in lines[1]
    assert "serial-X1.yaml:1: hostnam: unknown key" in lines[2]
    assert "serial-X2.ks:1: " in lines[3]
    assert "web1.yaml: 'web1' names no machine" in lines[4]


@pytest.mark.parametrize("there", [True, False])
def test_nothing_to_read_is_an_error(tmp_path: Path, there: bool) -> None:
    if there:
        put(tmp_path, "README")
    with pytest.raises(EdgeLinuxError, match="no site files in" if there else "cannot read the site files"):
        load_sites(tmp_path if there else tmp_path / "none")


def test_what_the_medium_cannot_do_is_refused(folder: Path) -> None:
    put(folder, "default.ks", kickstart(folder, "selinux --enforcing"))
    assert load_sites(folder, INFO.model_copy(update={"selinux": True})).entries
    with pytest.raises(SitesError, match=r"default\.ks:1: selinux --enforcing: Base 1 has no SELinux"):
        load_sites(folder, INFO)


def test_a_medium_that_asks_nobody_wants_a_login_in_each(folder: Path) -> None:
    lonely = INFO.model_copy(update={"unattended": True})
    put(folder, "default.ks", kickstart(folder))
    assert load_sites(folder, lonely).entries
    put(folder, "serial-X1.yaml", "hostname: edge1\n")
    assert load_sites(folder, INFO).entries
    with pytest.raises(SitesError, match=r"serial-X1\.yaml: nobody could log in"):
        load_sites(folder, lonely)
    with pytest.raises(SitesError, match="nobody could log in"):
        load_sites(folder, INFO, unattended=True)
