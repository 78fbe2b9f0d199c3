"""manifest.json of an ISO that was given another kickstart."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from edgelinux_build.inputs import hash_file, key_of
from edgelinux_build.medium.image import IsoImage
from edgelinux_build.medium.info import MediaInfo
from edgelinux_build.menu import template_sha256
from edgelinux_build.outputs import MANIFEST

__all__ = ["embedded_manifest", "manifest_beside"]


_NOT_IN_MANIFESTS = {
    "format",
    "label",
    "selinux",
    "serial",
    "kernel_args",
    "boot",
    "net_prefix",
    "templates_sha256",
}


def embedded_manifest(image: IsoImage, info: MediaInfo, kickstart: str, new: Path) -> dict[str, Any]:
    """Give the manifest of the ISO `new`, made from `image`.

    It is the manifest beside the old ISO brought up to date, else what the ISO says about itself.
    """
    digest = hashlib.sha256(kickstart.encode()).hexdigest()
    size, label = new.stat().st_size, info.label
    manifest: dict[str, Any] = {
        **manifest_beside(image),
        **info.model_dump(mode="json", exclude=_NOT_IN_MANIFESTS),
        "kickstart_sha256": digest,
        "iso": {"name": new.name, "size": size, "sha256": hash_file(new), "label": label},
    }
    stage = manifest.get("stages", {}).get("iso")
    if stage:
        # The inputs of a build with this kickstart, and so the key by which that one recognizes the ISO.
        inputs = {
            **stage["inputs"],
            "name": new.name,
            "kickstart": digest,
            "unattended": info.unattended,
            "asks": info.asks,
            "serial": info.serial,
            "menu": template_sha256(),
        }
        manifest["stages"] = {
            **manifest["stages"],
            "iso": {**stage, "inputs": inputs, "key": key_of(inputs)},
        }
    return manifest


def manifest_beside(image: IsoImage) -> dict[str, Any]:
    """Read the manifest in the ISO's directory, if it is this ISO's."""
    try:
        manifest = json.loads((image.path.parent / MANIFEST).read_text(encoding="utf-8"))
        ours = manifest["iso"]["name"] == image.path.name and manifest["iso"]["label"] == image.label
        return dict(manifest) if ours else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
