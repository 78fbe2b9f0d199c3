from __future__ import annotations

from pathlib import Path

import pytest
from edgelinux_build.images import load_base, load_bases, load_image, load_images
from edgelinux_build.schema import parse_size
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.fakes import BASE, IMAGE

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_definitions_of_this_repository_are_valid() -> None:
    assert [image.name for image in load_images(REPOSITORY)] == ["edgelinux"]
    assert [base.name for base in load_bases(REPOSITORY)] == [
        "centos-stream-10",
        "debian-13",
        "almalinux-10-v2",
    ]


@pytest.mark.parametrize(
    ("text", "size"), [("450 MB", 450_000_000), ("2 GiB", 2 * 2**30), ("1.5 kB", 1500), (7, 7)]
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["450", "450 mb", "MB", "-1 MB", True, None])
def test_wrong_sizes(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: small", "name: big", ":1: name: is 'big', but the file is small.yaml"),
        ("product: Small OS\n", "", ":1: product: is missing"),
        ("version: 1.2.3", "version: one", ":3: version: string should match"),
        ("version: 1.2.3", "version: 1.2", ":3: version: input should be a valid string"),
        ("  - tiny", "  - huge", ":5: elements[0]: there is no element huge"),
        ("elements:\n  - tiny", "elements: []", ":4: elements: tuple should have at least 1 item"),
        ("packages: []", "package: []", ":6: package: is not a known key"),
        ("kernel_args: [quiet]", "kernel_args: ['a b']", ":7: kernel_args[0]: string should match"),
        ("  iso: 10 MB", "  iso: much", ':9: budget.iso: is not a size; write "450 MB"'),
        ("  iso: 10 MB", "  iso: 10 MB\n  usb: 1 MB", ":10: budget.usb: is not a known key"),
        (
            "  iso: 10 MB",
            "  iso: 10 MB\n  iso_on: {base-9: 1 MB}",
            ":10: budget.iso_on.base-9: there is no base base-9",
        ),
        (
            "local_packages: []",
            "local_packages: [x/p.yaml]",
            ":10: local_packages[0]: there is no file x/p.yaml",
        ),
        (
            "local_packages: []",
            "bases: [base-1, base-2]\nlocal_packages: []",
            ":10: bases[1]: there is no base base-2",
        ),
        (
            "local_packages: []",
            "local_packages: []\nsquashfs: {level: 23}",
            ":11: squashfs.level: input should be less",
        ),
    ],
)
def test_errors_of_an_image(repository: Path, old: str, new: str, expected: str) -> None:
    path = repository / "images/small.yaml"
    assert old in IMAGE
    path.write_text(IMAGE.replace(old, new), encoding="utf-8")
    with pytest.raises(EdgeLinuxError) as caught:
        load_image(repository, "small")
    assert str(caught.value).startswith(f"{path}{expected}")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("cpu_level: x86-64-v1", "cpu_level: i386", ":6: cpu_level: input should be 'x86-64-v1'"),
        ("element: tiny", "element: huge", ":7: element: there is no element huge"),
        ("  kind: apt\n  probe", "  kind: urls\n  probe", ":8: mirrors: kind `urls` needs `urls`"),
        ("  archive_env: ARCHIVE", "  archive_env: archive", ":11: mirrors.archive_env: string should match"),
        (
            "  archive_env: ARCHIVE",
            "  archive_env: ARCHIVE\n  security_env: SECURITY",
            ":8: mirrors: security_env and security_probe belong together",
        ),
        ("  shim: /usr", "  shim: usr", ":17: boot.shim: must be an absolute path in the tree"),
        ("  kind: deb", "  kind: apk", ":40: packages.kind: input should be 'deb' or 'rpm'"),
        ("  kind: deb", '  kind: deb\n  names: {a: [b, ""]}', ":41: packages.names.a[1]: string"),
        ("  userland: zfs\n", "", ":41: zfs.userland: is missing"),
    ],
)
def test_errors_of_a_base(repository: Path, old: str, new: str, expected: str) -> None:
    path = repository / "images/bases/base-1.yaml"
    assert old in BASE
    path.write_text(BASE.replace(old, new), encoding="utf-8")
    with pytest.raises(EdgeLinuxError) as caught:
        load_base(repository, "base-1")
    assert str(caught.value).startswith(f"{path}{expected}")


def test_a_base_names_a_dependency_its_own_way(repository: Path) -> None:
    path = repository / "images/bases/base-1.yaml"
    path.write_text(
        BASE.replace("  kind: deb", "  kind: rpm\n  names: {a: b, c: [d, e], f: []}"), encoding="utf-8"
    )
    assert load_base(repository, "base-1").packages.names == {"a": ("b",), "c": ("d", "e"), "f": ()}


def test_what_is_not_defined_is_an_error_that_lists_what_is(repository: Path) -> None:
    with pytest.raises(EdgeLinuxError, match=r"there is no image 'other' \(known: small\)") as caught:
        load_image(repository, "other")
    assert caught.value.exit_code == 2
    with pytest.raises(EdgeLinuxError, match=r"there is no base 'other' \(known: base-1\)"):
        load_base(repository, "other")


def test_a_second_base_is_a_second_file(repository: Path) -> None:
    text = BASE.replace("name: base-1", "name: base-2").replace('release: "1"', 'release: "2"\npreference: 5')
    (repository / "images/bases/base-2.yaml").write_text(text, encoding="utf-8")
    assert [base.name for base in load_bases(repository)] == ["base-2", "base-1"]


def test_an_iso_may_be_larger_on_some_bases(repository: Path) -> None:
    path = repository / "images/small.yaml"
    path.write_text(path.read_text().replace("  iso: 10 MB", "  iso: 10 MB\n  iso_on: {base-1: 20 MB}"))
    image = load_image(repository, "small")
    assert (image.iso_budget("base-1"), image.iso_budget("base-2")) == (20_000_000, 10_000_000)
