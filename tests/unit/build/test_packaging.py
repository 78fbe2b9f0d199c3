from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from edgelinux_build.debdocs import copyright_text
from edgelinux_build.debs import build_deb, control
from edgelinux_build.images import Base, PyPiPackage, load_base
from edgelinux_build.licences import read_copyright
from edgelinux_build.packaging import Package, describe, load_package, pypi_package
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.fakes import PACKAGE, make_room

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def base(repository: Path) -> Base:
    base = load_base(repository, "base-1")
    packages = base.packages.model_copy(update={"names": {"disk-tool": ("disk-tool-ng",)}})
    return base.model_copy(update={"packages": packages})


@pytest.fixture
def room(repository: Path) -> Path:
    return make_room(repository)


def load(room: Path, base: Base) -> Package:
    return load_package(room / "packaging/package.yaml", base, "1.2.3")


def test_which_file_goes_where(room: Path, base: Base) -> None:
    package = load(room, base)
    assert {entry.target: entry.mode for entry in package.entries} == {
        "/etc/agent.conf": 0o640,
        "/usr/bin/agent": 0o755,
        "/usr/lib/python3/dist-packages/small/__init__.py": 0o644,
        "/usr/lib/python3/dist-packages/small/cli.py": 0o644,
        "/usr/lib/systemd/system/small.service": 0o644,
        "/usr/share/agent/deep/run": 0o755,
        "/usr/share/agent/plain": 0o644,
    }
    assert package.depends == ("python3", "disk-tool-ng", "web-tool")
    assert package.units.enable == ("small.service",)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("summary: A small agent\n", "", ":1: summary: is missing"),
        (
            "source: agent.conf",
            "source: missing.conf",
            ":11: files[1].source: there is no missing.conf in agent/",
        ),
        ("units/*.service", "units/*.socket", ":9: files[0].source: there is no units/*.socket in agent/"),
        (
            "target: /etc/agent.conf",
            "target: etc/agent.conf",
            ":12: files[1].target: must be an absolute path",
        ),
        ('mode: "0640"', "mode: 640", ":13: files[1].mode: input should be a valid string"),
        ('mode: "0640"', 'mode: "9999"', ":13: files[1].mode: string should match"),
        ("small.cli:main", "small.cli", ":17: scripts.agent: 'small.cli' is not module:function"),
        ("scripts:", "python: [none]\nscripts:", ":16: python[0]: there is no none in agent/"),
        ("  mask:", "  start:", ":20: units.start: is not a known key"),
        ("restart: [small", "restart: [smaller", ":21: restart[0]: the package has no unit smaller.service"),
        ("target: /usr/share/agent", "target: /etc/agent.conf", None),
        (
            "source: data\n    target: /usr/share/agent",
            "source: data/plain\n    target: /etc/agent.conf",
            ":1: two files",
        ),
    ],
)
def test_errors(room: Path, base: Base, old: str, new: str, expected: str | None) -> None:
    path = room / "packaging/package.yaml"
    assert old in PACKAGE
    path.write_text(PACKAGE.replace(old, new), encoding="utf-8")
    if expected is None:
        assert load(room, base)
        return
    with pytest.raises(EdgeLinuxError) as caught:
        load(room, base)
    assert str(caught.value).startswith(f"{path}{expected}")


def test_the_inputs_change_with_every_file_and_mode(room: Path, base: Base, repository: Path) -> None:
    before = describe(load(room, base), repository)
    (room / "data/plain").chmod(0o755)
    after = describe(load(room, base), repository)
    assert before != after
    (room / "data/plain").chmod(0o644)
    assert describe(load(room, base), repository) == before
    (room / "README.md").write_text("not packaged", encoding="utf-8")
    assert describe(load(room, base), repository) == before


def test_control(room: Path, base: Base) -> None:
    assert control(load(room, base), "all", 2049).splitlines() == [
        "Package: small-agent",
        "Version: 1.2.3",
        "Architecture: all",
        "Maintainer: edgeLinux <packages@edgelinux.invalid>",
        "Installed-Size: 3",
        "Depends: python3, disk-tool-ng, web-tool",
        "Section: admin",
        "Priority: optional",
        "Description: A small agent",
        " First paragraph, which is long enough that it has to be wrapped over more",
        " than one line of a control file.",
        " .",
        " Second paragraph.",
    ]


def deb(package: Package, folder: Path) -> Path:
    (folder / "scratch").mkdir(parents=True)
    return build_deb(package, "all", folder, folder / "scratch", folder / "log", 1_700_000_000)


def test_a_package_holds_what_it_says(room: Path, base: Base, tmp_path: Path) -> None:
    path = deb(load(room, base), tmp_path / "one")
    assert path.name == "small-agent_1.2.3_all.deb"
    listing = subprocess.run(["dpkg-deb", "-c", path], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    found = {row[5].removeprefix("."): (row[0], row[1]) for row in rows if not row[5].endswith("/")}
    assert found["/etc/agent.conf"] == ("-rw-r-----", "root/root")
    assert found["/usr/bin/agent"] == ("-rwxr-xr-x", "root/root")
    assert found["/usr/lib/python3/dist-packages/small/cli.py"] == ("-rw-r--r--", "root/root")
    assert found["/usr/share/doc/small-agent/copyright"] == ("-rw-r--r--", "root/root")
    assert len(found) == 9
    assert {row[3] for row in rows} == {"2023-11-14"}
    info = subprocess.run(["dpkg-deb", "-I", path, "conffiles"], check=True, capture_output=True, text=True)
    assert info.stdout == "/etc/agent.conf\n"


def test_a_package_says_its_licence_and_since_when_it_is(room: Path, base: Base, tmp_path: Path) -> None:
    path = deb(load(room, base), tmp_path / "one")
    subprocess.run(["dpkg-deb", "-x", path, tmp_path / "tree"], check=True)
    doc = tmp_path / "tree/usr/share/doc/small-agent"
    assert read_copyright(doc / "copyright").expression == "GPL-2.0-or-later"
    assert "/usr/share/common-licenses/GPL-2" in (doc / "copyright").read_text(encoding="utf-8")
    packed = (doc / "changelog.gz").read_bytes()
    assert packed[4:8] == bytes(4)  # no time of its own (RFC 1952)
    text = gzip.decompress(packed).decode()
    assert text.startswith("small-agent (1.2.3) stable; urgency=medium\n")
    assert text.endswith("  Tue, 14 Nov 2023 22:13:20 -0000\n")


def test_a_dependency_has_one_name_or_several_or_none(room: Path, base: Base) -> None:
    names = {"disk-tool": ("disk-tool-a", "disk-tool-b"), "web-tool": ()}
    packages = base.packages.model_copy(update={"names": names})
    package = load(room, base.model_copy(update={"packages": packages}))
    assert package.depends == ("python3", "disk-tool-a", "disk-tool-b")


def test_another_licence_is_another_package(room: Path, base: Base, repository: Path) -> None:
    package = load(room, base)
    other = replace(package, licence="MIT")
    assert describe(package, repository) != describe(other, repository)


def test_the_same_sources_give_the_same_bytes(room: Path, base: Base, tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        digests.add(hashlib.sha256(deb(load(room, base), tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_script_runs_what_it_names(room: Path, base: Base) -> None:
    script = next(entry for entry in load(room, base).entries if entry.target == "/usr/bin/agent")
    assert script.text.splitlines()[0] == "#!/usr/bin/python3 -I"
    assert "from small.cli import main" in script.text


def test_a_python_distribution_becomes_a_package(base: Base) -> None:
    spec = PyPiPackage(name="pykickstart", version="3.78", package="python3-pykickstart")
    package = pypi_package(spec, base)
    targets = [entry.target for entry in package.entries]
    assert "/usr/lib/python3/dist-packages/pykickstart/parser.py" in targets
    assert not [name for name in targets if "__pycache__" in name or "RECORD" in name or "/bin/" in name]
    assert package.depends == ("python3",)
    text = copyright_text(pypi_package(spec.model_copy(update={"licence": "GPL-2.0-only"}), base))
    assert "\nLicense: GPL-2.0-only\n" in text
    assert "\nCopyright: Chris Lumens\n" in text
    assert ".dist-info/licenses/COPYING" in text
    with pytest.raises(EdgeLinuxError, match=r"Base 1 wants pykickstart 3.79, this Python has 3.78"):
        pypi_package(spec.model_copy(update={"version": "3.79"}), base)
    with pytest.raises(EdgeLinuxError, match="no-such-thing is not installed"):
        pypi_package(spec.model_copy(update={"name": "no-such-thing"}), base)


@pytest.mark.parametrize("name", ["hostd", "kickstart"])
def test_the_packages_of_this_repository(name: str) -> None:
    base = load_base(REPOSITORY, "debian-13")
    package = load_package(REPOSITORY / name / "packaging/package.yaml", base, "1")
    assert package.entries
    assert replace(package, version="2").version == "2"


@pytest.mark.skipif(not shutil.which("lintian"), reason="needs lintian")
@pytest.mark.parametrize("name", ["hostd", "kickstart", "pykickstart"])
def test_lintian_finds_no_error_in_the_packages_of_this_repository(name: str, tmp_path: Path) -> None:
    base = load_base(REPOSITORY, "debian-13")
    specs = [spec for spec in base.pypi if spec.name == name]
    package = (
        pypi_package(specs[0], base)
        if specs
        else load_package(REPOSITORY / name / "packaging/package.yaml", base, "1")
    )
    path = deb(package, tmp_path / "one")
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "none", path], check=True, capture_output=True, text=True
    )
    assert [line for line in done.stdout.splitlines() if line.startswith("E:")] == []
