"""The screen of the network and the host's name."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import urwid

from edgelinux_installer.interactive.answers import check
from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.netcheck import Finding
from edgelinux_installer.interactive.widgets import Row, buttons, field, note, tick
from edgelinux_installer.interactive.world import Card

__all__ = ["NetworkPage"]


class NetworkPage:
    """Which card, which addresses, which name."""

    title = "2 of 5: Network"

    def __init__(self, app: App) -> None:
        self.app = app
        self._cards: dict[str, urwid.RadioButton] = {}
        self._static: urwid.RadioButton | None = None
        self._fields: dict[str, urwid.Edit] = {}
        self._findings: tuple[Finding, ...] = ()

    def rows(self) -> list[Row]:
        """Give what is on it; the fields of a fixed address are there only when one is wanted."""
        answers = self.app.answers
        self._fields = {}
        rows = [self._field("hostname", "Host name", answers.hostname), note(), *self._nics()]
        group: list[urwid.RadioButton] = []
        static = answers.method == "static"
        dhcp = urwid.RadioButton(group, "address by DHCP", not static, on_state_change=self._changed)
        self._static = urwid.RadioButton(group, "fixed address", static)
        rows += [Row(urwid.Divider(), "nic"), Row(tick(dhcp)), Row(tick(self._static))]
        if static:
            rows += [
                self._field("address", "  Address/prefix", answers.address),
                self._field("gateway", "  Gateway", answers.gateway),
                self._field("nameservers", "  Name servers", answers.nameservers),
            ]
        rows.append(self._field("vlan", "VLAN (empty: none)", answers.vlan))
        rows += [
            note(),
            *(note(str(finding), "" if finding.works else "strong") for finding in self._findings),
        ]
        rows += [note()] if self._findings else []
        back, go_on = ("Back", self.back), ("Continue", self._go_on)
        rows.append(buttons(back, ("Check the network now", self._check), go_on, focus=2))
        return rows

    def back(self) -> None:
        """Go to the screen before."""
        self._read()
        self.app.go(-1)

    def _nics(self) -> list[Row]:
        group: list[urwid.RadioButton] = []
        self._cards = {}
        for card in self.app.world.cards:
            link = "link" if card.carrier else "no link"
            words = (card.name, card.mac, link, card.driver and f"driver {card.driver}")
            label = "  ".join(word for word in words if word)
            self._cards[card.mac] = urwid.RadioButton(group, label, card.mac == self.app.answers.nic)
        if not self._cards:
            return [note("This machine has no network card; the first one that it gets is used.")]
        return [Row(tick(button)) for button in self._cards.values()]

    def _field(self, name: str, label: str, text: str) -> Row:
        self._fields[name], row = field(name, label, text)
        return row

    def _changed(self, dhcp: urwid.RadioButton, chosen: bool) -> None:
        self._read(method="dhcp" if chosen else "static")
        self.app.refresh()

    def _read(self, method: Literal["dhcp", "static", ""] = "") -> None:
        if not method:
            method = "static" if self._static and self._static.state else "dhcp"
        nic = next((mac for mac, button in self._cards.items() if button.state), "")
        texts = {name: edit.edit_text for name, edit in self._fields.items()}
        self.app.answers = replace(self.app.answers, method=method, nic=nic, **texts)

    def _problems(self) -> bool:
        self._read()
        errors = check(self.app.answers, self.app.world, "network")
        self.app.errors(errors)
        return bool(errors)

    def _check(self) -> None:
        app = self.app
        if self._problems():
            return
        card = self._card()
        if card is None:
            app.errors({"nic": "there is no network card to check"})
            return
        chosen, answers = card, app.answers
        app.work("Trying the network", lambda: app.doing.check_network(answers, chosen), self._checked, "nic")

    def _checked(self, findings: tuple[Finding, ...]) -> None:
        self._findings = findings
        self.app.refresh()
        self.app.form.last()

    def _card(self) -> Card | None:
        return next((card for card in self.app.world.cards if card.mac == self.app.answers.nic), None)

    def _go_on(self) -> None:
        if not self._problems():
            self.app.go(1)
