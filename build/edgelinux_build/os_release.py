"""What the system calls itself: os-release(5)."""

from __future__ import annotations

import re
import shlex

from edgelinux_build.images import Base, Image

__all__ = ["with_product"]


def with_product(text: str, image: Image, base: Base) -> str:
    """Return an os-release file that names the product.

    ID and VERSION_ID stay the base's: programs go by them. Fields as in os-release(5).
    """
    fields = {
        "PRETTY_NAME": f"{image.product} {image.version} ({base.label})",
        "VARIANT": image.product,
        "VARIANT_ID": image.name,
        "IMAGE_ID": image.name,
        "IMAGE_VERSION": image.version,
        "DEFAULT_HOSTNAME": image.name,
    }
    kept = [line for line in text.splitlines() if not re.match(rf"({'|'.join(fields)})=", line)]
    return "\n".join([*kept, *(f"{name}={shlex.quote(value)}" for name, value in fields.items())]) + "\n"
