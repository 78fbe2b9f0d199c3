"""The site file that `make boot` installs with."""

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from edgelinux_build.cli import cli


def test_the_site_of_make_boot_renders_and_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "edgelinux_build.demo", str(tmp_path)], check=True)
    key = (tmp_path / "id_ed25519.pub").read_text().strip()
    rendered = CliRunner().invoke(cli, ["kickstart", "render", "--site", str(tmp_path / "site.yaml")])
    assert rendered.exit_code == 0, rendered.output
    assert key in rendered.output
    assert "rootpw --iscrypted" in rendered.output
