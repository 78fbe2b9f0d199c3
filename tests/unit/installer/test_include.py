"""%include and %ksappend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.kickstart import Kickstart, KickstartError, read_kickstart


def read(
    text: str, files: Mapping[str, str], file: str = "/ks/ks.cfg", *, after_pre: bool = False
) -> Kickstart:
    def get(where: str) -> str:
        if where not in files:
            raise EdgeLinuxError("no such file")
        return files[where]

    return read_kickstart(text, file, get=get, after_pre=after_pre)


def refused(text: str, files: Mapping[str, str], file: str = "/ks/ks.cfg") -> str:
    with pytest.raises(KickstartError) as caught:
        read(text, files, file)
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "target", "where"),
    [
        ("/ks/ks.cfg", "a.ks", "/ks/a.ks"),
        ("/ks/ks.cfg", "/a.ks", "/a.ks"),
        ("/ks/ks.cfg", "file:///a.ks", "/a.ks"),
        ("ks.cfg", "a.ks", "a.ks"),
        ("http://192.0.2.1/ks/ks.cfg", "../a.ks", "http://192.0.2.1/a.ks"),
        ("http://192.0.2.1/ks.cfg?host=1", "a.ks", "http://192.0.2.1/a.ks"),
        ("http://192.0.2.1/ks.cfg", "https://192.0.2.2/a.ks", "https://192.0.2.2/a.ks"),
        ("cdrom:/edgelinux/ks.cfg", "a.ks", "cdrom:/edgelinux/a.ks"),
    ],
)
@pytest.mark.parametrize("word", ["%include", "%ksappend"])
def test_where_it_is(word: str, file: str, target: str, where: str) -> None:
    assert read(f"{word} {target}\n", {where: "poweroff"}, file).finish == "poweroff"


def test_inclusions_work_in_sections_too() -> None:
    files = {"/ks/p": "sudo", "/ks/s": "echo 1\necho 2"}
    ks = read("%packages\n%include p\nzfs\n%end\n%post\n  %include s  # both\nx\n%end\n", files)
    assert ks.packages.names == ("sudo", "zfs")
    assert ks.scripts[0].text == "echo 1\necho 2\nx\n"


def test_errors_name_the_included_file_and_its_line() -> None:
    files = {"/ks/a": "text\n\n%include b\nfoo\n", "/ks/b": "lang C\nrootpw 'x\n"}
    assert refused("%include a", files).startswith("/ks/b:2: this line cannot be read: No closing quotation")
    assert refused("%include a", files | {"/ks/b": ""}).startswith("/ks/a:4: foo is not a kickstart command")
    assert refused("%include a\nbar", files | {"/ks/a": "", "/ks/b": ""}).startswith(
        "/ks/ks.cfg:2: bar is not"
    )


def test_what_was_first_is_named_with_its_file() -> None:
    assert "lang repeats or contradicts line 1 of /ks/ks.cfg" in refused(
        "lang C\n%include a", {"/ks/a": "lang C"}
    )
    again = "text\nnetwork --device=a\nnetwork --device=a\n"
    assert "/ks/a:3: device a is configured twice (first on line 2)" in refused(
        "%include a", {"/ks/a": again}
    )


def test_endless_inclusion_is_refused() -> None:
    assert refused("%include ks.cfg", {"/ks/ks.cfg": ""}).startswith(
        "/ks/ks.cfg:1: %include /ks/ks.cfg includes itself"
    )
    files = {f"/ks/{n}": f"%include {n + 1}" for n in range(100)}
    assert "/ks/7:1: %include /ks/8: inclusions are nested more than 8 deep" in refused("%include 0", files)
    bomb = {f"/ks/{n}": f"%include {n + 1}\n" * 20 for n in range(7)} | {"/ks/7": "#\n" * 1000}
    assert "the kickstart is larger than 4 MiB" in refused("%include 0", bomb)


def test_what_pre_writes_is_read_after_it() -> None:
    text = "%include /tmp/made\n%pre\nx\n%end\n"
    before = read(text, {"/tmp/made": "an old file that nobody should read"})
    assert before.finish == "reboot"
    assert before.told() == ("/ks/ks.cfg:1: %include /tmp/made is read once the %pre scripts have run",)
    after = read(text, {"/tmp/made": "halt"}, after_pre=True)
    assert after.finish == "halt"
    assert after.told() == ()
    with pytest.raises(KickstartError, match=r"/ks/ks.cfg:1: %include /tmp/made: no such file"):
        read(text, {}, after_pre=True)


def test_without_pre_nobody_writes_it() -> None:
    assert "/ks/ks.cfg:1: %include /tmp/made: no such file" in refused("%include /tmp/made", {})
    assert read("%include /tmp/made", {"/tmp/made": "halt"}).finish == "halt"


def test_a_pre_in_an_included_file_counts() -> None:
    files = {"/ks/pre": "%pre\nx\n%end"}
    assert read("%include /run/made\n%include pre", files).source.later == [(1, "/run/made")]


def test_ksappend_is_never_left_for_later() -> None:
    assert "no such file" in refused("%ksappend /tmp/made\n%pre\nx\n%end\n", {})


def test_files_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a.ks").write_text("halt")
    assert read_kickstart("%include a.ks", f"{tmp_path}/ks.cfg").finish == "halt"
