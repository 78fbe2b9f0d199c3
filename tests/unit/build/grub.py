"""GRUB's own check of its scripts."""

from __future__ import annotations

import shutil

__all__ = ["SCRIPT_CHECK"]

SCRIPT_CHECK = shutil.which("grub2-script-check") or "grub-script-check"
"""EL's name for it, else Debian's."""
