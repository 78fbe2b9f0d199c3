"""A plugin of the build host's dnf: has it take packages of the architectures that a base names.

dnf and libsolv know some; in the releases that build hosts have, x86_64_v2, say, is not among them. A name
that libsolv does not know it reads as a list of architectures, the best first (pool_setarch in its
poolarch.c), but no option of dnf gets it there: `arch` and `--forcearch` are held against what dnf knows,
DNF_VAR_arch is overwritten, and the files of variables are looked for below the install root.

Loaded by the build host's own Python, so nothing but dnf is imported. Its configuration, in `[main]`:
`architectures`, joined by colons.
"""

from __future__ import annotations

from typing import Any

import dnf


class Architectures(dnf.Plugin):  # type: ignore[misc]
    """Sets what dnf gives libsolv as the machine's architecture."""

    name = "dnf_architectures"

    def __init__(self, base: Any, cli: Any) -> None:
        super().__init__(base, cli)
        base.conf.substitutions["arch"] = self.read_config(base.conf).get("main", "architectures")
