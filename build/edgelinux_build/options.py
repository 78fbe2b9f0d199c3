"""Options that several commands have alike."""

from __future__ import annotations

import click

from .signing import SIGN_KEY

__all__ = ["sign_key_option"]

sign_key_option = click.option(
    "--sign-key",
    envvar=SIGN_KEY,
    default="",
    metavar="KEY",
    show_envvar=True,
    help="Sign the checksums with this OpenPGP key: an id, a fingerprint, or a file.",
)
