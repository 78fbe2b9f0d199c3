"""The last screen before anything happens: what will be erased, confirmed by typing."""

from __future__ import annotations

from functools import partial

import urwid
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.interactive.answers import kickstart, one_line, plan
from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.keys import parse_key
from edgelinux_installer.interactive.pages.disks import details_of, holds, title_of
from edgelinux_installer.interactive.pages.installing import InstallingPage
from edgelinux_installer.interactive.widgets import Row, button, buttons, field, note
from edgelinux_installer.interactive.world import Place, World
from edgelinux_installer.plan import InstallPlan

__all__ = ["WORD", "SummaryPage", "summary"]

WORD = "erase"
_GIB = 1024**3


class SummaryPage:
    """What will be done."""

    title = "5 of 5: Summary"

    def __init__(self, app: App) -> None:
        self.app = app
        self._text = ""
        self._word: urwid.Edit | None = None

    def rows(self) -> list[Row]:
        """Give what is on it; an error in the plan, where the summary would stand."""
        try:
            self._text = kickstart(self.app.answers, self.app.world)
            planned = plan(self._text, self.app.world)
        except EdgeLinuxError as error:
            return [note(one_line(error), "error"), note(), buttons(("Back", self.back))]
        self._word, word_row = field("word", f"Type {WORD} to install", "")
        save = ("Save the kickstart", self._save)
        view = ("View it", lambda: self.app.tell("The kickstart", self._text))
        install = ("Check only: leave", self._dry) if self.app.dry else ("Install", self._install)
        return [
            *(note(line, "danger" if line.startswith("ERASED") else "") for line in self._lines(planned)),
            note(),
            word_row,
            buttons(("Back", self.back), view, save, install, focus=3),
        ]

    def back(self) -> None:
        """Go to the screen before."""
        self.app.go(-1)

    def _lines(self, planned: InstallPlan) -> list[str]:
        keys = [str(parse_key(key.key)) for key in planned.kickstart.ssh_keys]
        return summary(planned, bool(self.app.answers.password_hash), keys)

    def _confirmed(self) -> bool:
        if self._word and self._word.edit_text.strip() == WORD:
            return True
        self.app.errors({"word": f"nothing is done until the word {WORD} stands here"})
        return False

    def _install(self) -> None:
        if self._confirmed():
            self.app.show(InstallingPage(self.app, self._text))

    def _dry(self) -> None:
        if self._confirmed():
            self.app.leave(0, "Checked only: nothing was installed, no disk was changed.")

    def _save(self) -> None:
        # A stick may have been put in by now.
        self.app.work("Looking for a place", self.app.doing.look, self._offer, "word")

    def _offer(self, world: World) -> None:
        app = self.app
        places = [place for place in world.places if place.disk not in app.answers.disks]
        rows = [
            note("It holds the hash of root's password: keep it where nobody else reads it."),
            note("The installed host has it, too: /var/log/edgelinux/kickstart.cfg"),
            note(),
        ]
        for place in places:
            label = " ".join(word for word in (place.path, place.kind, place.label) if word)
            size = f"{place.size / _GIB:.1f} GiB"
            rows.append(Row(button(f"{label}, {size}", partial(self._save_to, place))))
        if not places:
            rows.append(
                note("There is no stick with a file system (FAT, exFAT, ext4): put one in, and try again.")
            )
        app.dialog(
            "Save the kickstart to", [*rows, note("", ""), buttons(("Close", app.close))], focus_last=False
        )

    def _save_to(self, place: Place) -> None:
        app, name = self.app, self.app.answers.hostname.strip()
        app.close()

        def done(file: str) -> None:
            app.tell("Saved", f"{file} is on {place.path}, which can be pulled out now.")

        app.work(f"Saving to {place.path}", lambda: app.doing.save(place, name, self._text), done, "word")


def summary(planned: InstallPlan, password: bool, keys: list[str]) -> list[str]:
    """Say what an installation will do; last what it erases, which stands where the word is to be typed."""
    kind = "one disk, which nothing protects" if planned.layout == "single" else "a mirror of these disks"
    ks = planned.kickstart
    lines = [f"Pool:      {kind}", f"Host:      {planned.hostname}"]
    lines += [f"Network:   {line}" for line in planned_networks(planned)]
    lines.append(f"Place:     {ks.timezone}, keyboard {ks.keyboard}")
    lines.append(f"Root:      {'password at the console' if password else 'no password'}")
    lines += [f"SSH key:   {key}" for key in keys]
    lines += [*(f"Note:      {notice}" for notice in planned.notices), ""]
    for disk in planned.disks:
        lines.append(f"ERASED: {title_of(disk)}")
        lines.append(f"        {details_of(disk)}{holds(disk)}")
    return lines


def planned_networks(planned: InstallPlan) -> list[str]:
    """Describe the interfaces that have an address."""
    found = []
    for interface in planned.networks:
        net = interface.network
        if net is None or interface.controller:
            continue
        over = next((one for one in planned.networks if one.controller == interface.name), interface)
        nic = interface.nic or next((one.nic for one in planned.networks if one.name == over.parent), None)
        card = f"{nic.name} ({nic.mac})" if nic else "the first card"
        vlan = f", VLAN {over.vlan}" if over.vlan else ""
        address = "address by DHCP" if net.ipv4 == "dhcp" else f"{net.ip}/{net.netmask}"
        found.append(f"{interface.name} over {card}{vlan}, {address}")
    return found
