"""What the site wants of the boot menu, kept in the boot environment: /etc/edgelinux/boot.json."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from edgelinux_hostd.errors import EdgeLinuxError
from edgelinux_hostd.grubcfg import TIMEOUT

__all__ = ["BOOT_JSON", "BootConfig", "load", "save"]

BOOT_JSON = "etc/edgelinux/boot.json"


class BootConfig(BaseModel):
    """The site's kernel arguments, after those of the image, and the seconds that the menu waits.

    The consoles are among the arguments.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    append: tuple[str, ...] = ()
    timeout: int = TIMEOUT


def load(root: Path = Path("/")) -> BootConfig:
    """Read a boot environment's file; it must be there, or a sync would lose the consoles.

    Raises EdgeLinuxError.
    """
    path = root / BOOT_JSON
    try:
        return BootConfig.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EdgeLinuxError(
            f"cannot read {path}: {error.strerror}", hint='it holds {"append": [kernel arguments]}'
        ) from error
    except ValidationError as error:
        raise EdgeLinuxError(f"{path}: {error.errors()[0]['msg']}") from error


def save(config: BootConfig, root: Path) -> None:
    """Write a boot environment's file."""
    path = root / BOOT_JSON
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(config.model_dump_json(indent=1) + "\n", encoding="utf-8")
