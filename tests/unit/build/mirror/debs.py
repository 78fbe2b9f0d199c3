"""A small signed apt archive with a security archive beside it."""

from __future__ import annotations

import email.utils
import hashlib
import lzma
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from edgelinux_build.images import load_base, load_image
from edgelinux_build.mirror.wish import Wish

from tests.unit.build.mirror.rpms import REPOSITORY

KERNEL = "6.12-one"
SUITES = {"archive": "one", "archive-security": "one-security"}


@dataclass(frozen=True)
class Deb:
    """A package."""

    name: str
    version: str = "1.0"
    depends: str = ""
    section: str = "misc"
    priority: str = "optional"
    files: tuple[str, ...] = ()


PACKAGES = {
    "archive": (
        Deb("bottom", priority="required", depends="deep"),
        Deb("deep"),
        Deb("apt"),
        Deb("tool", depends="library"),
        Deb("library"),
        Deb("unneeded"),
        Deb("linux-image-one", depends=f"linux-image-{KERNEL}", section="kernel"),
        Deb(
            f"linux-image-{KERNEL}", section="kernel", files=(f"usr/lib/modules/{KERNEL}/kernel/fs/ext4.ko",)
        ),
        Deb(f"linux-headers-{KERNEL}", section="kernel"),
        Deb("zfs-dkms"),
    ),
    "archive-security": (Deb("deep", "1.1"), Deb("library", "1.1")),
}


class Archive:
    """Makes the archive and its key; `home` has to be short enough for gpg-agent's socket."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self._environment = folder, {**os.environ, "GNUPGHOME": str(home)}
        self.keyring = folder / "keyring.gpg"
        self.changed: set[str] = set()
        """Archives that were put together since this was cleared."""
        folder.mkdir()
        for name in ("good", "other"):
            self._gpg("--passphrase", "", "--quick-gen-key", name, "rsa2048", "sign", "never")
        self._gpg("--output", str(self.keyring), "--export", "good")
        for archive, packages in PACKAGES.items():
            self.put(archive, packages)

    def put(self, archive: str, packages: Iterable[Deb], **more: str) -> None:
        """Have an archive hold these packages; `more` are fields of its Release file, and `signer`."""
        top = self.folder / archive
        self.changed.add(archive)
        shutil.rmtree(top, ignore_errors=True)
        index = "\n".join(_stanza(top, deb) for deb in packages)
        where = top / "dists" / SUITES[archive] / "main"
        signer = more.pop("signer", "good")
        files = {
            "main/binary-amd64/Packages": index.encode(),
            "main/binary-amd64/Packages.xz": lzma.compress(index.encode()),
            "main/i18n/Translation-en": b"",
            "main/i18n/Translation-en.xz": lzma.compress(b""),
        }
        for path, content in files.items():
            if path.endswith(".xz"):
                (where.parent / path).parent.mkdir(parents=True, exist_ok=True)
                (where.parent / path).write_bytes(content)
        fields = {
            "Suite": SUITES[archive],
            "Codename": SUITES[archive],
            "Architectures": "amd64",
            "Components": "main",
            "Date": email.utils.formatdate(usegmt=True),
            **more,
        }
        text = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
        text += "SHA256:\n" + "".join(
            f" {hashlib.sha256(content).hexdigest()} {len(content)} {path}\n"
            for path, content in files.items()
        )
        (where.parent / "Release").write_text(text, encoding="utf-8")
        self._gpg(
            *("--yes", "--local-user", signer, "--output", str(where.parent / "InRelease")),
            *("--clearsign", str(where.parent / "Release")),
        )
        (where.parent / "Release").unlink()

    def end(self) -> None:
        """End gpg-agent."""
        subprocess.run(["gpgconf", "--kill", "all"], env=self._environment, check=False)

    def _gpg(self, *arguments: str) -> None:
        argv = ["gpg", "--batch", "--no-tty", *arguments]
        done = subprocess.run(argv, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _stanza(top: Path, deb: Deb) -> str:
    tree = top / "tree"
    fields = {
        "Package": deb.name,
        "Version": deb.version,
        "Architecture": "amd64",
        "Maintainer": "A <a@example.org>",
        "Section": deb.section,
        "Priority": deb.priority,
        "Description": "a package",
    }
    if deb.depends:
        fields["Depends"] = deb.depends
    control = "".join(f"{name}: {value}\n" for name, value in fields.items())
    for path, text in {"DEBIAN/control": control, **dict.fromkeys(deb.files, "")}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")
    file = top / f"pool/{deb.name}_{deb.version}_amd64.deb"
    file.parent.mkdir(exist_ok=True)
    argv: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, file]
    subprocess.run(argv, check=True, capture_output=True)
    shutil.rmtree(tree)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{control}Filename: pool/{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"


def make_root(folder: Path, keyring: Path) -> Path:
    """A repository of definitions: image small on base deb-1."""
    data = yaml.safe_load((REPOSITORY / "images/bases/debian-13.yaml").read_text(encoding="utf-8"))
    data |= {"name": "deb-1", "label": "Deb 1", "element": "bottom", "bootstrap": [], "pypi": []}
    data["mirrors"] |= {"keyring": str(keyring)}
    data["mirrors"] |= {"probe": "dists/one/InRelease", "security_probe": "dists/one-security/InRelease"}
    data["packages"]["python"] = []
    data["packages"]["sources"] = {
        "/etc/apt/sources.list.d/build.list": "deb {archive} one main\ndeb {security} one-security main\n"
    }
    data["zfs"]["commands"] = [["apt-get", "install", "--yes", "linux-headers-{kernel}", "zfs-dkms"]]
    image: dict[str, object] = {"name": "small", "product": "Small", "version": "1.0", "elements": ["top"]}
    image |= {"packages": ["tool", "linux-image-one"], "budget": {"iso": "10 MB"}, "local_packages": []}
    for path, content in {"images/bases/deb-1.yaml": data, "images/small.yaml": image}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(content), encoding="utf-8")
    for element in ("top", "bottom"):
        (folder / "elements" / element).mkdir(parents=True)
    return folder


def wish_of(root: Path, *names: str, **more: Mapping[str, object]) -> Wish:
    """What is wanted of the base; without a kernel, nothing is to be compiled."""
    base = load_base(root, "deb-1")
    base = base.model_copy(update={"zfs": base.zfs.model_copy(update={"commands": ()})})
    return Wish(root, load_image(root, "small"), base, (names,), **more)  # type: ignore[arg-type]
