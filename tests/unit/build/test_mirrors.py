from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from edgelinux_build.images import Base, load_base, load_bases, load_image
from edgelinux_build.mirrors import MirrorUrls, choose_base, find_mirrors, probe
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.fakes import BASE

HERE = "http://here.example/base"


@pytest.fixture
def base(repository: Path) -> Base:
    text = BASE.replace(
        "  archive_env: ARCHIVE",
        "  archive_env: ARCHIVE\n  security_env: SECURITY\n  security_probe: dists/one-security/InRelease",
    )
    (repository / "images/bases/base-1.yaml").write_text(text, encoding="utf-8")
    return load_base(repository, "base-1")


def answering(*urls: str) -> Callable[[str], str]:
    return lambda url: "" if url in urls else "HTTP 404"


def hosts(*urls: str) -> Callable[[], Sequence[str]]:
    return lambda: urls


def test_the_first_of_the_hosts_archives_that_has_the_release(base: Base) -> None:
    found = find_mirrors(
        base,
        environ={},
        host=hosts("http://other.example", HERE, "http://later.example"),
        probe=answering(f"{HERE}/dists/one/InRelease", f"{HERE}-security/dists/one-security/InRelease"),
    )
    assert found == MirrorUrls(HERE, f"{HERE}-security")


def test_security_from_another_archive_of_the_host(base: Base) -> None:
    found = find_mirrors(
        base,
        environ={},
        host=hosts(HERE, "http://security.example"),
        probe=answering(
            f"{HERE}/dists/one/InRelease", "http://security.example/dists/one-security/InRelease"
        ),
    )
    assert found.security == "http://security.example"


def test_the_environment_overrides(base: Base) -> None:
    found = find_mirrors(
        base,
        environ={"EDGELINUX_MIRROR": f"{HERE}/", "EDGELINUX_SECURITY_MIRROR": "http://s.example"},
        host=hosts("http://never.example"),
        probe=answering(f"{HERE}/dists/one/InRelease", "http://s.example/dists/one-security/InRelease"),
    )
    assert found == MirrorUrls(HERE, "http://s.example")


def test_no_mirror_is_one_line_that_says_what_was_tried(base: Base) -> None:
    with pytest.raises(EdgeLinuxError) as caught:
        find_mirrors(base, environ={}, host=hosts(HERE, "http://b.example"), probe=lambda url: "timed out")
    assert caught.value.exit_code == 4
    text = str(caught.value)
    assert text.startswith(f"no mirror of Base 1 answers: {HERE}: timed out; http://b.example: timed out")
    assert "set EDGELINUX_MIRROR" in text


def test_a_host_without_archives(base: Base) -> None:
    with pytest.raises(EdgeLinuxError, match="the build host's configuration names none"):
        find_mirrors(base, environ={}, host=hosts(), probe=answering())


def test_probing_a_port_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert probe(f"http://127.0.0.1:{port}/dists/one/InRelease") == "Connection refused"
    assert probe("ftp://127.0.0.1/dists/one/InRelease") == "not an http URL"
    assert probe("file:///nowhere/repomd.xml") == "there is no such file"
    assert probe("http://name.invalid/x")


def two_bases(repository: Path) -> tuple[Base, ...]:
    text = BASE.replace("name: base-1", "name: base-2").replace('release: "1"', 'release: "2"\npreference: 5')
    (repository / "images/bases/base-2.yaml").write_text(text, encoding="utf-8")
    return load_bases(repository)


def test_the_preferred_base_whose_mirror_answers(repository: Path) -> None:
    base, why = choose_base(load_image(repository, "small"), two_bases(repository), "auto", lambda base: None)
    assert (base.name, why) == ("base-2", "the preferred base whose mirror answers")


def test_the_next_base_when_the_preferred_ones_mirror_is_silent(repository: Path) -> None:
    def silent(base: Base) -> None:
        raise EdgeLinuxError(f"no mirror of {base.label} answers")

    base, why = choose_base(load_image(repository, "small"), two_bases(repository), "auto", silent)
    assert (base.name, why) == ("base-1", "no mirror of Base 1 answers")


def test_a_named_base_is_never_replaced(repository: Path) -> None:
    image, bases = load_image(repository, "small"), two_bases(repository)
    assert choose_base(image, bases, "base-1")[1] == "named by --base"
    with pytest.raises(EdgeLinuxError, match=r"small has no base 'base-3' \(known: base-2, base-1\)"):
        choose_base(image, bases, "base-3")


def test_a_base_without_preference_is_built_when_it_is_named_and_never_else(repository: Path) -> None:
    image, bases = load_image(repository, "small"), two_bases(repository)
    bases = tuple(
        base.model_copy(update={"preference": None}) if base.name == "base-2" else base for base in bases
    )
    base, why = choose_base(image, bases, "auto", lambda base: pytest.fail("it was asked"))
    assert (base.name, why) == ("base-1", "the only base that is taken unless another is named")
    assert choose_base(image, bases, "base-2")[0].name == "base-2"
    with pytest.raises(EdgeLinuxError, match="small has no base to build on"):
        choose_base(image, bases[:1], "auto")
