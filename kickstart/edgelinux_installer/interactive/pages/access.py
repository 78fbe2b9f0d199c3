"""The screen of how root logs in."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import urwid
from edgelinux_hostd.errors import EdgeLinuxError

from edgelinux_installer.interactive.answers import Answers, check, one_line
from edgelinux_installer.interactive.app import App
from edgelinux_installer.interactive.keys import Key, is_url, parse_key
from edgelinux_installer.interactive.passwords import check_passwords, hint
from edgelinux_installer.interactive.widgets import Row, button, buttons, field, note

__all__ = ["AccessPage"]


class AccessPage:
    """Root's password, keys, or both."""

    title = "4 of 5: Logging in"

    def __init__(self, app: App) -> None:
        self.app = app
        # Kept for this screen only; what stays is the hash.
        self._typed = ("", "")
        self._key_text = ""
        self._edits: tuple[urwid.Edit, urwid.Edit, urwid.Edit] | None = None

    def rows(self) -> list[Row]:
        """Give what is on it."""
        answers = self.app.answers
        first, first_row = field("password", "Password of root", self._typed[0], mask="*")
        again, again_row = field("again", "The same again", self._typed[1], mask="*")
        key, key_row = field("key", "SSH key, or its URL", self._key_text)
        self._edits = (first, again, key)
        quality = urwid.Text(f"{'':22} {hint(self._typed[0])}")
        urwid.connect_signal(first, "change", lambda _, text: quality.set_text(f"{'':22} {hint(text)}"))
        known = "A password is set; leave both empty to keep it. " if answers.password_hash else ""
        return [
            note(f"{known}The password works at the console only; over SSH, a key lets root in."),
            note(),
            first_row,
            Row(quality),
            again_row,
            note(),
            key_row,
            note("  A line of a .pub file, or an address such as https://github.com/NAME.keys"),
            Row(urwid.Columns([(16, button("Add the key", self._add_key))])),
            note(),
            *self._keys(),
            buttons(("Back", self.back), ("Continue", self._go_on), focus=1),
        ]

    def back(self) -> None:
        """Go to the screen before."""
        self.app.go(-1)

    def _keys(self) -> list[Row]:
        rows = []
        for line in self.app.answers.ssh_keys:
            label = f"remove: {parse_key(line)}"
            rows.append(Row(button(label, partial(self._remove, line))))
        return [*rows, note()] if rows else []

    def _read(self) -> None:
        if self._edits:
            first, again, key = (edit.edit_text for edit in self._edits)
            self._typed, self._key_text = (first, again), key

    def _remove(self, line: str) -> None:
        self._read()
        left = tuple(one for one in self.app.answers.ssh_keys if one != line)
        self.app.answers = replace(self.app.answers, ssh_keys=left)
        self.app.refresh()

    def _add_key(self) -> None:
        self._read()
        app, text = self.app, self._key_text.strip()
        if not text:
            app.errors({"key": "type or paste a key, or an address to fetch keys from"})
        elif is_url(text):
            app.work(f"Fetching {text}", lambda: app.doing.fetch_keys(text), self._confirm, "key")
        else:
            try:
                self._confirm((parse_key(text),))
            except EdgeLinuxError as error:
                app.errors({"key": one_line(error)})

    def _confirm(self, keys: tuple[Key, ...]) -> None:
        app = self.app
        shown = [note(f"  {key}") for key in keys]
        insecure = self._key_text.strip().startswith("http://")
        warning = (
            [note("They came without encryption: compare the fingerprints.", "strong")] if insecure else []
        )

        def accept() -> None:
            app.close()
            lines = dict.fromkeys((*app.answers.ssh_keys, *(key.line for key in keys)))
            app.answers = replace(app.answers, ssh_keys=tuple(lines))
            self._key_text = ""
            app.refresh()

        rows = [note("Whoever has one of these keys becomes root on the host:"), note(), *shown, note()]
        app.dialog(
            "Accept these keys?", [*rows, *warning, buttons(("Accept", accept), ("Do not accept", app.close))]
        )

    def _go_on(self) -> None:
        self._read()
        first, again = self._typed
        if problem := check_passwords(first, again):
            self.app.errors({"again": problem})
        elif self._key_text.strip():
            self.app.errors({"key": "this key is not added yet: choose <Add the key>, or empty the line"})
        elif first:
            self.app.work(
                "Hashing the password", lambda: self.app.doing.hash_password(first), self._hashed, "password"
            )
        else:
            self._checked(self.app.answers)

    def _hashed(self, hashed: str) -> None:
        self._typed = ("", "")
        self._checked(replace(self.app.answers, password_hash=hashed))

    def _checked(self, answers: Answers) -> None:
        self.app.answers = answers
        errors = check(answers, self.app.world, "access")
        if errors:
            self.app.errors(errors)
        else:
            self.app.go(1)
