from __future__ import annotations

from pathlib import Path

from edgelinux_build.apt import Source, host_sources, parse_deb822, parse_one_line, uris

DEB822 = """\
# a comment before
Types: deb deb-src
URIs: http://mirror.example/base/
Suites: one one-updates
Components: main
 contrib
# a comment inside
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: https://off.example/base
Suites: one
Components: main
Enabled: no

Types: deb-src
URIs: https://sources.example/base
Suites: one
Components: main


types: deb
uris: https://last.example/flat
suites: ./
"""

ONE_LINE = """\
# deb http://commented.example/base one main
deb http://mirror.example/base one main contrib # why
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] https://signed.example/base/ two main
deb-src http://mirror.example/base one main
deb cdrom:[Name with spaces]/ one main
nonsense
deb http://short.example
"""


def test_deb822() -> None:
    assert parse_deb822(DEB822) == (
        Source("http://mirror.example/base", "one", ("main", "contrib")),
        Source("http://mirror.example/base", "one-updates", ("main", "contrib")),
        Source("https://last.example/flat", "./", ()),
    )


def test_one_line() -> None:
    found = parse_one_line(ONE_LINE)
    assert found[0] == Source("http://mirror.example/base", "one", ("main", "contrib"))
    assert found[1] == Source("https://signed.example/base", "two", ("main",))
    assert uris(found) == ("http://mirror.example/base", "https://signed.example/base")


def test_what_apt_reads(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://first.example/base one main\n", encoding="utf-8")
    (parts / "b.sources").write_text(DEB822, encoding="utf-8")
    (parts / "a.list").write_text("deb http://second.example/base one main\n", encoding="utf-8")
    (parts / "c.list.save").write_text("deb http://ignored.example/base one main\n", encoding="utf-8")
    assert uris(host_sources(tmp_path)) == (
        "http://first.example/base",
        "http://second.example/base",
        "http://mirror.example/base",
        "https://last.example/flat",
    )


def test_a_host_without_apt(tmp_path: Path) -> None:
    assert host_sources(tmp_path / "none") == ()
