"""Signing and verifying with GnuPG itself, and a key that is thrown away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgelinux_build.outputs import publish, sign_output
from edgelinux_build.signing import fingerprint_of, sign
from edgelinux_build.stage import Project
from edgelinux_build.verify import UNTRUSTED, WRONG, exit_code, verify
from edgelinux_hostd.errors import EdgeLinuxError

from tests.unit.build.standin import make_results, make_standin
from tests.unit.build.test_cli import edgelinux

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg")

ADDRESS = "builder@example.org"


def gpg(*arguments: str | Path) -> str:
    argv = ["gpg", "--batch", "--no-tty", *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def keyring() -> Iterator[Path]:
    """A keyring with one key, in a place whose name is short enough for gpg-agent's socket."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as home, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("GNUPGHOME", home)
        gpg("--passphrase", "", "--quick-gen-key", f"Builder <{ADDRESS}>", "ed25519", "sign", "never")
        yield Path(home)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


@pytest.fixture
def fingerprint(keyring: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("GNUPGHOME", str(keyring))
    monkeypatch.delenv("EDGELINUX_SIGN_KEY", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    return fingerprint_of(ADDRESS)


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A keyring that is empty."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        monkeypatch.setenv("GNUPGHOME", home)
        yield Path(home)


def output(folder: Path, key: str) -> Path:
    """Publish an ISO with its bill of materials, as a build does."""
    made, out = folder / "made", folder / "out"
    made.mkdir()
    digest = "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a"
    (made / "a.iso").write_bytes(bytes([1, 2, 3, 4]))
    sbom = {"packages": [{"checksums": [{"algorithm": "SHA256", "checksumValue": digest}]}]}
    (made / "a.spdx.json").write_text(json.dumps(sbom), encoding="utf-8")
    manifest = {
        "iso": {"name": "a.iso", "size": 4, "sha256": digest, "label": "L"},
        "stages": {"iso": {"key": "key", "inputs": {}}},
    }
    publish(made, out, manifest, timings={"iso": 1.0}, sign_key=key)
    return out


def bad(out: Path, key: str = "") -> dict[str, str]:
    return {finding.name: finding.says for finding in verify(out, key) if not finding.good}


def test_what_a_builder_signed_is_right(tmp_path: Path, fingerprint: str) -> None:
    out = output(tmp_path, fingerprint)
    findings = verify(out)
    assert [finding.name for finding in findings] == ["SHA256SUMS", "a.iso", "a.spdx.json", "manifest.json"]
    assert exit_code(findings) == 0
    assert findings[0].says == f"signed with {fingerprint}"


def test_a_fingerprint_or_a_key_file_is_enough(
    tmp_path: Path, fingerprint: str, stranger: Path, keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNUPGHOME", str(keyring))
    out = output(tmp_path, fingerprint)
    monkeypatch.setenv("GNUPGHOME", str(stranger))
    assert bad(out)["SHA256SUMS"].startswith("signed with a key that is not at hand: ")
    assert exit_code(verify(out)) == UNTRUSTED
    spaced = " ".join(fingerprint[n : n + 4] for n in range(0, 40, 4))
    assert bad(out, spaced) == {}
    shutil.copyfile(out / "signing-key.asc", tmp_path / "builder.asc")
    assert bad(out, str(tmp_path / "builder.asc")) == {}
    assert bad(out, "F" * 40) == {"SHA256SUMS": f"signed with another key: {fingerprint}"}
    (out / "signing-key.asc").unlink()
    assert bad(out, fingerprint)["SHA256SUMS"].endswith("is to be checked with, is missing")
    assert gpg("--list-keys") == "", "checking leaves no key in one's own keyring"


def test_signing_with_a_key_file(tmp_path: Path, fingerprint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret.asc"
    file.write_text(gpg("--armor", "--export-secret-keys", fingerprint), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        monkeypatch.setenv("GNUPGHOME", home)
        assert fingerprint_of(str(file)) == fingerprint
        out = output(tmp_path, str(file))
        assert bad(out, fingerprint) == {}
        assert [*Path(home).glob("private-keys-v1.d/*")] == [], "the key is nowhere but in its file"


def test_the_environment_names_a_key(
    tmp_path: Path, fingerprint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGELINUX_SIGN_KEY", ADDRESS)
    assert bad(output(tmp_path, "")) == {}


def test_unsigned_outputs(tmp_path: Path, fingerprint: str) -> None:
    out = output(tmp_path, "")
    assert bad(out) == {"SHA256SUMS": "not signed: there is no SHA256SUMS.asc"}
    assert exit_code(verify(out)) == UNTRUSTED
    sign_output(out, fingerprint)
    assert exit_code(verify(out)) == 0


def test_checksums_that_were_changed_after_signing(tmp_path: Path, fingerprint: str) -> None:
    out = output(tmp_path, fingerprint)
    with (out / "SHA256SUMS").open("a", encoding="utf-8") as file:
        file.write(f"{'0' * 64}  b.iso\n")
    assert bad(out) == {
        "SHA256SUMS": "is not what was signed: changed since, or a signature of something else",
        "b.iso": "missing",
    }


def test_what_is_no_signature(tmp_path: Path, fingerprint: str) -> None:
    out = output(tmp_path, fingerprint)
    (out / "SHA256SUMS.asc").write_text("nonsense\n", encoding="utf-8")
    assert bad(out) == {"SHA256SUMS": "is no signature"}
    (out / "SHA256SUMS.asc").write_text("", encoding="utf-8")
    assert bad(out) == {"SHA256SUMS": "is no signature"}


@pytest.mark.parametrize("damage", ["tampered", "longer", "gone", "more", "manifest", "sbom"])
def test_what_is_wrong_is_said(tmp_path: Path, fingerprint: str, damage: str) -> None:
    out = output(tmp_path, fingerprint)
    changed = "changed: its SHA-256 is not the one in SHA256SUMS"
    if damage == "tampered":
        (out / "a.iso").write_bytes(bytes([1, 2, 3, 5]))
        expected = {"a.iso": changed}
    elif damage == "longer":
        (out / "a.iso").write_bytes(bytes(5))
        expected = {"a.iso": "has 5 bytes, manifest.json says 4"}
    elif damage == "gone":
        (out / "a.iso").unlink()
        expected = {"a.iso": "missing"}
    elif damage == "more":
        (out / "b.iso").write_bytes(b"")
        expected = {"b.iso": "not listed in SHA256SUMS"}
    else:
        expected = _exchange(out, "manifest.json" if damage == "manifest" else "a.spdx.json", fingerprint)
    assert bad(out) == expected
    assert exit_code(verify(out)) == WRONG


def _exchange(out: Path, name: str, key: str) -> dict[str, str]:
    """Put another build's file in the place of this one's, checksums and signature included."""
    data: dict[str, Any] = json.loads((out / name).read_text(encoding="utf-8"))
    if name == "manifest.json":
        data["iso"]["sha256"] = "0" * 64
        says = {name: "speaks of another a.iso: its SHA-256 is not the one in SHA256SUMS"}
        says["a.spdx.json"] = "speaks of another a.iso: it does not have its SHA-256"
    else:
        data["packages"] = []
        says = {name: "speaks of another a.iso: it does not have its SHA-256"}
    (out / name).write_text(json.dumps(data), encoding="utf-8")
    sums = subprocess.run(
        ["sha256sum", "a.iso", "a.spdx.json", "manifest.json"],
        cwd=out,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (out / "SHA256SUMS").write_text(sums, encoding="utf-8")
    sign_output(out, key)
    return says


def test_a_list_that_reaches_outside_of_its_directory(tmp_path: Path, fingerprint: str) -> None:
    out = output(tmp_path, "")
    with (out / "SHA256SUMS").open("a", encoding="utf-8") as file:
        file.write(f"{'0' * 64}  ../secret\n")
    assert bad(out)["../secret"] == "SHA256SUMS must list files of this directory only"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("nobody@example.org", "the keyring has no secret key nobody@example.org"),
        ("file", "no OpenPGP key can be read from it"),
        ("public", "has no secret key"),
    ],
)
def test_keys_that_cannot_sign(tmp_path: Path, fingerprint: str, key: str, said: str) -> None:
    if key == "file":
        (tmp_path / "file").write_text("nonsense", encoding="utf-8")
        key = str(tmp_path / "file")
    elif key == "public":
        (tmp_path / "public").write_text(sign(Path(__file__), fingerprint)[1], encoding="utf-8")
        key = str(tmp_path / "public")
    with pytest.raises(EdgeLinuxError, match=said):
        fingerprint_of(key)


def test_the_command(tmp_path: Path, fingerprint: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = output(tmp_path, fingerprint)
    assert edgelinux("verify", str(out)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ok", "SHA256SUMS", "signed", "with", fingerprint]
    assert len(lines) == 4
    (out / "a.iso").unlink()
    assert edgelinux("verify", str(out), "--format", "json") == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row for row in rows if not row["good"]] == [{"name": "a.iso", "good": False, "says": "missing"}]
    assert edgelinux("verify", str(out), "--key", "1234") == 2
    assert "neither a file nor a whole fingerprint" in capsys.readouterr().err
    assert edgelinux("verify", str(tmp_path)) == 1
    assert "has no SHA256SUMS" in capsys.readouterr().err


def test_a_medium_with_another_kickstart_is_signed_as_builds_are(
    project: Project, fingerprint: str, tmp_path: Path
) -> None:
    iso = make_standin(project, make_results(tmp_path / "results"), tmp_path)
    new, kickstart = tmp_path / "new/new.iso", tmp_path / "ks.cfg"
    new.parent.mkdir()
    kickstart.write_text("text\n", encoding="utf-8")
    words = ["iso", "embed", str(iso), "--kickstart", str(kickstart), "--out", str(new)]
    assert edgelinux(*words, "--sign-key", fingerprint) == 0
    assert exit_code(verify(new.parent)) == 0
    # A key that is not there is said before anything is replaced.
    assert edgelinux(*words, "--force", "--sign-key", "nobody@example.org") == 1
    assert exit_code(verify(new.parent)) == 0


def test_run_by_sudo_the_keyring_is_the_users(
    tmp_path: Path, fingerprint: str, keyring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_GID", "65534")
    with pytest.raises(EdgeLinuxError, match="no secret key"):
        fingerprint_of(ADDRESS)  # nobody cannot read root's keyring, and is not given it
    file = tmp_path / "secret.asc"
    monkeypatch.delenv("SUDO_UID")
    file.write_text(gpg("--armor", "--export-secret-keys", fingerprint), encoding="utf-8")
    monkeypatch.setenv("SUDO_UID", "65534")
    assert fingerprint_of(str(file)) == fingerprint, "a file is read as root"
