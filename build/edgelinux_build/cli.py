"""The `edgelinux` command: wires the groups together and turns errors into one line and an exit code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click
from edgelinux_hostd import __version__
from edgelinux_hostd.completion import completion_command
from edgelinux_hostd.errors import EdgeLinuxError

from .boot_cli import boot
from .build_cli import build
from .cache_cli import cache
from .check_cli import check
from .images_cli import images
from .iso_cli import iso
from .kickstart_cli import kickstart
from .licences_cli import licences
from .lock_cli import lock
from .mirror_cli import mirror
from .pxe_cli import pxe
from .release import Refused
from .reproduce import reproduce
from .template_cli import template
from .usb_cli import usb
from .verify_cli import verify

__all__ = ["cli", "main"]

_INTERRUPTED = 130


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 1 failed, 2 wrong command line or definition, 3 root is needed, 4 no mirror answers, "
    "5 no space left, 6 not signed by a known key, 7 packages are missing, 130 interrupted. "
    "EDGELINUX_DEBUG=1 shows commands and tracebacks.",
)
@click.version_option(__version__, prog_name="edgelinux")
def cli() -> None:
    """Build and try edgeLinux OS images."""


for command in (
    *(
        images,
        check,
        build,
        template,
        lock,
        mirror,
        reproduce,
        verify,
        licences,
        kickstart,
        iso,
        usb,
        pxe,
        boot,
        cache,
    ),
    completion_command(cli, "edgelinux"),
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command; no traceback reaches a person unless EDGELINUX_DEBUG is set."""
    debug = bool(os.environ.get("EDGELINUX_DEBUG"))
    if debug:
        logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s")
    try:
        code = cli.main(args=arguments, prog_name="edgelinux", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        _fail("interrupted", _INTERRUPTED)
    except KeyboardInterrupt:
        _fail("interrupted", _INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except EdgeLinuxError as error:
        if debug:
            raise
        for problem in error.problems if isinstance(error, Refused) else ():
            click.echo(f"edgelinux: {problem}", err=True)
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        os._exit(1)
    except OSError as error:
        if debug:
            raise
        _fail(str(error), 1)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"edgelinux: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
