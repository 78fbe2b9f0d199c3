"""`completion`: the script by which a shell completes a command's words, from click itself."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from edgelinux_hostd.errors import EdgeLinuxError

__all__ = ["SHELLS", "completion_command", "completion_script"]

SHELLS = ("bash", "zsh", "fish")


def completion_script(cli: click.Command, program: str, shell: str) -> str:
    """Return the script for one of SHELLS; it asks `program` itself what fits, whenever Tab is pressed.

    Raises EdgeLinuxError.
    """
    complete = get_completion_class(shell)
    if complete is None:
        raise EdgeLinuxError(f"no completion for {shell}", hint=f"there is: {', '.join(SHELLS)}", exit_code=2)
    variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
    return complete(cli, {}, program, variable).source().strip() + "\n"


def completion_command(cli: click.Command, program: str) -> click.Command:
    """Return the command `completion SHELL`, to be added to `cli`."""

    @click.command("completion")
    @click.argument("shell", type=click.Choice(SHELLS))
    def completion(shell: str) -> None:
        """Print the script that completes this command's words in a shell.

        For bash, put it where it is looked for: ~/.local/share/bash-completion/completions/. For zsh, source
        it from ~/.zshrc. For fish, put it into ~/.config/fish/completions/, named after the command.
        """
        click.echo(completion_script(cli, program, shell), nl=False)

    return completion
