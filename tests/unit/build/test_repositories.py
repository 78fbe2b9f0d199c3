"""RPM repositories: their configuration, and keys that are the ones that their fingerprints say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from edgelinux_build.images import Base, load_bases
from edgelinux_build.mirrors import find_mirrors
from edgelinux_build.repositories import (
    KEYS,
    Key,
    Repository,
    check_key,
    name_repositories,
    render,
    variable_of,
)
from edgelinux_hostd.errors import EdgeLinuxError

REPOSITORY = Path(__file__).resolve().parents[3]
WITH_REPOSITORIES = [base for base in load_bases(REPOSITORY) if base.mirrors.repositories]
ONE = Repository(
    id="one-extra", url="https://one.example/os", keys=("first", "second"), exclude=("zfs-fuse",)
)


@pytest.mark.parametrize("base", WITH_REPOSITORIES, ids=lambda base: base.name)
def test_the_keys_of_the_bases_are_what_they_say(base: Base) -> None:
    used = {key for repository in base.mirrors.repositories for key in repository.keys}
    assert used == base.mirrors.keys.keys()
    for name, key in base.mirrors.keys.items():
        assert check_key(REPOSITORY, name, key).is_file()


@pytest.mark.parametrize("what", ["other", "two", "none", "missing"])
def test_a_file_with_another_key_stops_the_build(tmp_path: Path, what: str) -> None:
    names = [key for base in WITH_REPOSITORIES for key in base.mirrors.keys.values()][:2]
    texts = [(REPOSITORY / KEYS / key.file).read_text() for key in names]
    (tmp_path / KEYS).mkdir(parents=True)
    text = {"other": texts[1], "two": "\n".join(texts), "none": "no key\n"}.get(what)
    if text:
        (tmp_path / KEYS / names[0].file).write_text(text)
    with pytest.raises(EdgeLinuxError) as raised:
        check_key(tmp_path, "first", names[0])
    said = str(raised.value)
    assert "\n" not in said
    expected = {
        "other": f"images/keys/{names[0].file} holds {names[1].fingerprint}, not {names[0].fingerprint}",
        "two": f"{names[0].fingerprint}, {names[1].fingerprint}, not {names[0].fingerprint}",
        "none": f"holds no key, not {names[0].fingerprint}",
        "missing": f"there is no images/keys/{names[0].file}",
    }
    assert expected[what] in said


def test_looking_at_a_key_leaves_nothing_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GNUPGHOME", raising=False)
    name, key = next(iter(WITH_REPOSITORIES[0].mirrors.keys.items()))
    check_key(REPOSITORY, name, key)
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_checks_every_package(tmp_path: Path) -> None:
    text = render(
        [ONE, ONE.model_copy(update={"id": "two", "signed_metadata": True, "exclude": ()})],
        {"one-extra": "http://127.0.0.1:8000/one", "two": "http://127.0.0.1:8000/two"},
        {"first": "http://127.0.0.1:8000/first.asc", "second": "file:///second.asc"},
    )
    one, two = text.split("\n\n")
    assert one.splitlines() == [
        "[one-extra]",
        "name=one-extra",
        "baseurl=http://127.0.0.1:8000/one",
        "enabled=1",
        "gpgcheck=1",
        "repo_gpgcheck=0",
        "gpgkey=http://127.0.0.1:8000/first.asc file:///second.asc",
        "skip_if_unavailable=0",
        "excludepkgs=zfs-fuse",
    ]
    assert "gpgcheck=1" in two.splitlines()
    assert "repo_gpgcheck=1" in two.splitlines()


def test_a_repository_may_be_elsewhere_or_a_directory(tmp_path: Path) -> None:
    base = WITH_REPOSITORIES[0]
    first, *others = base.mirrors.repositories
    folder = tmp_path / "mirror"
    (folder / "repodata").mkdir(parents=True)
    shutil.copy(__file__, folder / base.mirrors.probe)
    environ = {variable_of(first): f"{folder}/"}
    asked: list[str] = []

    def probe(url: str) -> str:
        asked.append(url)
        return ""

    found = find_mirrors(base, environ=environ, probe=probe)
    assert found.repositories == {
        first.id: f"file://{folder}",
        **{repository.id: repository.url for repository in others},
    }
    assert found.archive == f"file://{folder}"
    assert asked == [f"{url}/{base.mirrors.probe}" for url in found.repositories.values()]


def test_a_mirror_that_does_not_answer_is_named_with_its_variable(tmp_path: Path) -> None:
    base = WITH_REPOSITORIES[0]
    first = base.mirrors.repositories[0]
    variable = variable_of(first)
    with pytest.raises(EdgeLinuxError) as raised:
        find_mirrors(base, environ={variable: str(tmp_path)})
    said = str(raised.value)
    assert said.startswith(f"no mirror of {base.label} answers: file://{tmp_path}: there is no such file (")
    assert f"set {variable} to the URL or the directory of a mirror of {first.id}" in said
    assert raised.value.exit_code == 4


def test_a_key_that_no_base_names() -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        Key(file="a.asc", fingerprint="7DC7 299D", source="somewhere")


def test_repositories_are_named_by_their_ids() -> None:
    environ = {"EDGELINUX_REPO_ONE_EXTRA": "http://old.example"}
    name_repositories("Base", [ONE], [("one-extra", "/srv/one")], environ)
    assert environ == {"EDGELINUX_REPO_ONE_EXTRA": "/srv/one"}
    with pytest.raises(EdgeLinuxError, match="Base has no repository 'two'") as raised:
        name_repositories("Base", [ONE], [("two", "/srv/two")], environ)
    assert (raised.value.hint, raised.value.exit_code) == ("known: one-extra", 2)
    with pytest.raises(EdgeLinuxError) as raised:
        name_repositories("Base", [], [("two", "/srv/two")], environ)
    assert "EDGELINUX_MIRROR" in raised.value.hint
