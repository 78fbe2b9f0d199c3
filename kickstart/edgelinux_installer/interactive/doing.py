"""What the forms have done to the machine, in one place; tests put something else there."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.run import run

from edgelinux_installer import halfmade
from edgelinux_installer.context import RUN, TARGET, TYPED
from edgelinux_installer.install import install
from edgelinux_installer.interactive import keys, netcheck, passwords, saving
from edgelinux_installer.interactive.answers import Answers, plan
from edgelinux_installer.interactive.world import Card, Place, World, look
from edgelinux_installer.preflight import check_tree

__all__ = ["Doing"]

log = logging.getLogger(__name__)


class Doing:
    """The real machine."""

    def look(self) -> World:
        """Look at the machine (again). Raises EdgeLinuxError."""
        return look()

    def hash_password(self, password: str) -> str:
        """Hash a password. Raises EdgeLinuxError."""
        return passwords.hash_password(password)

    def fetch_keys(self, url: str) -> tuple[keys.Key, ...]:
        """Fetch public keys. Raises EdgeLinuxError."""
        return keys.fetch_keys(url)

    def check_network(self, answers: Answers, card: Card) -> tuple[netcheck.Finding, ...]:
        """Try the network out in the live system."""
        return netcheck.check_network(answers, card)

    def use_keyboard(self, layout: str) -> None:
        """Have the screen's console take the keyboard's layout at once: a password is typed next."""
        try:
            if run(["loadkeys", layout], check=False).returncode == 0:
                return
            # Debian has no keymaps, and makes them of the layouts for X.
            keymap = run(["ckbcomp", layout]).stdout
            run(["loadkeys"], stdin=keymap)
        except EdgeLinuxError as error:
            log.warning("keyboard layout %s: %s", layout, error)

    def save(self, place: Place, hostname: str, text: str) -> str:
        """Save the kickstart; returns the file's name. Raises EdgeLinuxError."""
        return saving.save(place, hostname, text)

    def install(
        self, text: str, world: World, say: Callable[[str], None], stopped: Callable[[], bool]
    ) -> None:
        """Install, as the unattended installer does with that kickstart. Raises EdgeLinuxError."""
        halfmade.put_away(RUN, TARGET)
        planned = plan(text, world)
        check_tree(planned.kickstart)
        saving.keep(TYPED, text)
        install(planned, say, stopped=stopped)

    def reboot(self) -> None:
        """Restart the machine. By force: the pool is closed, and what runs needs no orderly end."""
        run(["systemctl", "--force", "reboot"])
