"""Small RPM packages, signed with keys that are thrown away, and repositories of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from edgelinux_build.images import load_base, load_image
from edgelinux_build.mirror.wish import Wish
from edgelinux_build.repositories import KEYS

REPOSITORY = Path(__file__).resolve().parents[4]
KERNEL = "6.12.0-1.x86_64"

SPEC = """\
Name: tool
Version: {version}
Release: 1
Summary: A tool
License: GPL-2.0-only
URL: https://tool.example/
Requires: library
Recommends: manual

%description
A tool.

%package -n library
Summary: What the tool needs
%description -n library
It.

%package -n manual
Summary: What is only recommended
BuildArch: noarch
%description -n manual
It.

%package -n release
Summary: What the distribution says of itself
BuildArch: noarch
Epoch: 1
%description -n release
It.

%package -n kernel-core
Summary: A kernel
%description -n kernel-core
It.

%package -n kernel-devel
Summary: Its headers
Provides: kernel-devel-uname-r = {kernel}
%description -n kernel-devel
It.

%package -n zfs-dkms
Summary: The sources of ZFS
BuildArch: noarch
%description -n zfs-dkms
It.

%install
install -D /dev/null %{{buildroot}}/lib/modules/{kernel}/kernel/fs/ext4.ko

%files
%files -n library
%files -n manual
%files -n release
%files -n kernel-core
/lib/modules/{kernel}
%files -n kernel-devel
%files -n zfs-dkms
"""

FOREIGN = """\
Name: foreign
Version: 1
Release: 1
Summary: A package for another architecture
License: GPL-2.0-only

%description
It.

%files
"""


LEVEL = """\
Name: level
Version: 1
Release: 1
Summary: A package for a CPU level
License: GPL-2.0-only
Requires: library

%description
It.

%package -n floor
Summary: What others of that level need, by what it provides
Provides: floor(x86-64) = 1
%description -n floor
It.

%package -n stack
Summary: What needs packages of every architecture
Requires: floor(x86-64), level, release
%description -n stack
It.

%files
%files -n floor
%files -n stack
"""


@dataclass(frozen=True)
class Packages:
    """Package files by how they are signed, and the keys."""

    signed: Path
    unsigned: Path
    other: Path
    """Signed with the other key."""
    keys: Path
    """Public keys: good.asc, other.asc."""
    fingerprints: dict[str, str]

    def sign(self, content: bytes, name: str) -> bytes:
        """A detached signature by one of the keys."""
        home = self.keys.parent / "gpg"
        argv: list[str | Path] = [
            "gpg",
            "--homedir",
            home,
            "--batch",
            "--local-user",
            name,
            "--armor",
            "--detach-sign",
        ]
        done = subprocess.run(argv, input=content, capture_output=True, check=True)
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        return done.stdout

    def of(self, *names: str, folder: Path | None = None) -> list[Path]:
        """The files of packages."""
        return [path for name in names for path in sorted((folder or self.signed).glob(f"{name}-[0-9]*.rpm"))]


def make_packages(folder: Path) -> Packages:
    """Build and sign them; `folder` has to be short enough for gpg-agent's socket."""
    home = folder / "gpg"
    home.mkdir(mode=0o700)
    environment = {
        **os.environ,
        "GNUPGHOME": str(home),
        "HOME": str(folder),
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    fingerprints = {}
    (folder / "keys").mkdir()
    for name in ("good", "other"):
        _gpg(environment, "--passphrase", "", "--quick-gen-key", name, "rsa2048", "sign", "never")
        listing = _gpg(environment, "--list-keys", "--with-colons", name)
        fingerprints[name] = next(
            line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr")
        )
        (folder / "keys" / f"{name}.asc").write_text(_gpg(environment, "--armor", "--export", name))
    unsigned = folder / "unsigned"
    for version in ("1.0", "2.0"):
        _build(folder, SPEC.format(version=version, kernel=KERNEL), unsigned, "x86_64", environment)
    _build(folder, FOREIGN, unsigned, "i686", environment)
    _build(folder, LEVEL, unsigned, "x86_64_v2", environment)
    folders = {}
    for name in ("good", "other"):
        folders[name] = folder / name
        shutil.copytree(unsigned, folders[name])
        files = sorted(folders[name].glob("*.rpm"))
        # Debian's rpm looks for gpg2.
        defined = ["--define", f"_gpg_name {fingerprints[name]}", "--define", f"__gpg {shutil.which('gpg')}"]
        _run(["rpmsign", *defined, "--addsign", *files], environment)
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
    return Packages(folders["good"], unsigned, folders["other"], folder / "keys", fingerprints)


def _build(folder: Path, spec: str, out: Path, arch: str, environment: dict[str, str]) -> None:
    file = folder / "package.spec"
    file.write_text(spec, encoding="utf-8")
    argv = [
        "rpmbuild",
        "-bb",
        "--target",
        arch,
        "--define",
        f"_topdir {folder}/build",
        "--define",
        "_smp_mflags -j1",
    ]
    argv += [
        "--define",
        f"_rpmdir {out}",
        "--define",
        "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
    ]
    argv += ["--define", "use_source_date_epoch_as_buildtime 1", "--define", f"_dbpath {folder}/db"]
    _run(
        [*argv, "--define", "__os_install_post %{nil}", "--define", "debug_package %{nil}", file], environment
    )


def _gpg(environment: dict[str, str], *arguments: str) -> str:
    return _run(["gpg", "--batch", "--no-tty", *arguments], environment)


def _run(argv: list[str | Path], environment: dict[str, str]) -> str:
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_rpm_repository(folder: Path, files: Iterable[Path]) -> Path:
    """A repository of package files, with metadata."""
    (folder / "Packages").mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy2(file, folder / "Packages")
    subprocess.run(["createrepo_c", "--quiet", folder], check=True, capture_output=True)
    return folder


def as_files(folder: Path) -> dict[str, bytes]:
    """What a server is to serve of a directory, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make_root(folder: Path, packages: Packages, repositories: Iterable[str], url: str) -> Path:
    """A repository of definitions: image small on base rpm-1, whose packages are at `url`/<repository id>."""
    shutil.copytree(packages.keys, folder / KEYS)
    data = yaml.safe_load((REPOSITORY / "images/bases/centos-stream-10.yaml").read_text(encoding="utf-8"))
    data |= {"name": "rpm-1", "label": "RPM 1", "element": "bottom", "bootstrap": ["release"], "pypi": []}
    data["packages"]["python"] = []
    data["zfs"]["commands"] = [
        ["dnf", "install", "--assumeyes", "kernel-devel-uname-r = {kernel}", "zfs-dkms"]
    ]
    data["mirrors"]["repositories"] = [
        {"id": name, "url": f"{url}/{name}", "keys": ["good"]} for name in repositories
    ]
    data["mirrors"]["keys"] = {
        "good": {"file": "good.asc", "fingerprint": packages.fingerprints["good"], "source": "this test"}
    }
    image: dict[str, object] = {
        "name": "small",
        "product": "Small",
        "version": "1.0",
        "elements": ["top"],
        "local_packages": [],
    }
    image |= {"packages": ["tool", "kernel-core"], "budget": {"iso": "10 MB"}}
    for path, content in {"images/bases/rpm-1.yaml": data, "images/small.yaml": image}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(yaml.safe_dump(content), encoding="utf-8")
    for element in ("top", "bottom"):
        (folder / "elements" / element).mkdir(parents=True)
    return folder


def wish_of(root: Path, *names: str, **more: object) -> Wish:
    """What is wanted of the base; without a kernel, nothing is to be compiled."""
    base = load_base(root, "rpm-1")
    base = base.model_copy(update={"zfs": base.zfs.model_copy(update={"commands": ()})})
    return Wish(root, load_image(root, "small"), base, (names,), **more)  # type: ignore[arg-type]
