"""What the system calls itself."""

from pathlib import Path

from edgelinux_build.images import load_base, load_image
from edgelinux_build.os_release import with_product

REPOSITORY = Path(__file__).resolve().parents[3]
DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n'


def test_the_product_is_named_and_programs_still_know_the_base() -> None:
    image, base = load_image(REPOSITORY, "edgelinux"), load_base(REPOSITORY, "debian-13")
    once = with_product(DEBIAN, image, base)
    assert f"PRETTY_NAME='edgeLinux OS {image.version} (Debian 13)'\n" in once
    assert once.startswith('ID=debian\nVERSION_ID="13"\n')
    assert once.count("PRETTY_NAME=") == 1
    assert with_product(once, image, base) == once
