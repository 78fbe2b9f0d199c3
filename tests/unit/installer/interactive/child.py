"""The forms on this terminal, on a recorded machine: what would be done to it is written into a directory.

Arguments: the directory, and how the installation goes: well, early, late, network (it fails there), or slow.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_installer.cli import _log_to
from edgelinux_installer.context import Context, Step
from edgelinux_installer.install import install
from edgelinux_installer.interactive.answers import Answers, plan
from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.doing import Doing
from edgelinux_installer.interactive.netcheck import Finding
from edgelinux_installer.interactive.pages import PAGES
from edgelinux_installer.interactive.terminal import open_terminal
from edgelinux_installer.interactive.turn import Turn
from edgelinux_installer.interactive.world import Card, Place, World

from tests.unit.installer.interactive.machine import make_world


class Standin(Doing):
    """Hashes, fetches and decides for real; the machine is not touched."""

    def __init__(self, folder: Path, goes: str) -> None:
        self.folder = folder
        self.goes = goes

    def look(self) -> World:
        return make_world()

    def check_network(self, answers: Answers, card: Card) -> tuple[Finding, ...]:
        return (
            Finding(True, f"{card.name} has a link"),
            Finding(True, "address 192.0.2.57/24"),
            Finding(True, "gateway 192.0.2.1 answers"),
            Finding(False, "name server 192.0.2.53 does not answer"),
        )

    def use_keyboard(self, layout: str) -> None:
        (self.folder / "keyboard").write_text(layout)

    def save(self, place: Place, hostname: str, text: str) -> str:
        (self.folder / "saved.ks").write_text(text)
        return f"edgelinux-{hostname}.ks"

    def install(
        self, text: str, world: World, say: Callable[[str], None], stopped: Callable[[], bool]
    ) -> None:
        (self.folder / "installed.ks").write_text(text)

        def step(name: str) -> Callable[[Context], None]:
            def run(_ctx: Context) -> None:
                time.sleep(60 if self.goes == "slow" and name == "Writing the system" else 0.1)
                if (self.goes, name) in (
                    ("early", "Checking the medium"),
                    ("network", "Fetching the antlet templates"),
                    ("late", "Writing the system"),
                ):
                    raise EdgeLinuxError("it broke")

            return run

        names = (
            "Fetching the antlet templates" if self.goes == "network" else "Checking the medium",
            "Erasing the disks",
            "Writing the system",
            "Making the disks bootable",
        )
        install(
            plan(text, world),
            say,
            stopped=stopped,
            steps=[Step(name, 3, step(name)) for name in names],
            context=lambda planned, progress, medium: Context(
                planned, progress, medium, target=self.folder / "target", run_dir=self.folder / "run"
            ),
        )

    def reboot(self) -> None:
        (self.folder / "rebooted").touch()


def main() -> int:
    folder, goes, *rest = sys.argv[1:]
    # As the real one does, to the last word.
    _log_to(Path(folder) / "install.log")
    terminal, screen = open_terminal()
    doing = Standin(Path(folder), goes)
    turn = Turn(Path(folder) / "lock", terminal.name)
    app = App(doing.look(), doing, terminal, screen, turn, dry="dry" in rest)
    code = app.run(PAGES)
    for line in app.last_words:
        print(line)
    return code


if __name__ == "__main__":
    # The watched disks are none of this machine's.
    import edgelinux_installer.watch as watch

    watch._exists = lambda path: True
    sys.exit(main())
