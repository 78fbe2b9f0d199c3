"""`python -m edgelinux_build` is the `edgelinux` command."""

from .cli import main

main()
