"""What the steps of an installation share: the plan, where things are, and what was made so far."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgelinux_hostd.bootconfig import BootConfig
from edgelinux_hostd.esp import Esp
from edgelinux_hostd.grubcfg import BootEntry

from edgelinux_installer.plan import InstallPlan
from edgelinux_installer.progress import Progress

__all__ = ["LOG", "RUN", "TARGET", "TYPED", "Context", "Step"]

# Where Anaconda mounts the new system too; %post --nochroot scripts know it.
TARGET = Path("/mnt/sysimage")
RUN = Path("/run/edgelinux")
LOG = RUN / "install.log"
# What was typed at the machine, as a kickstart; the installed host keeps it beside the log.
TYPED = RUN / "kickstart.cfg"


@dataclass
class Context:
    """Handed from step to step. The later fields are filled in by the steps that make those things."""

    plan: InstallPlan
    progress: Progress
    medium: Path
    live: Path = Path("/")
    target: Path = TARGET
    run_dir: Path = RUN
    hostid: int = 0
    pool_guid: int = 0
    zfs_partitions: list[str] = field(default_factory=list)
    esps: list[Esp] = field(default_factory=list)
    bootable: bool = False
    # What a step has started and is reading from; ended when the step is given up.
    children: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def squashfs(self) -> Path:
        """Give the file that holds the system."""
        return self.medium / "live" / "edgelinux.squashfs"

    @property
    def templates(self) -> Path:
        """Give the directory of the antlet templates; there may be none."""
        return self.medium / "templates"

    @property
    def boot_entry(self) -> BootEntry:
        """Give the boot environment as the boot menu offers it."""
        image, wanted = self.plan.image, self.boot_config
        return BootEntry(
            version=image.version,
            dataset=self.plan.root_dataset,
            pool_guid=self.pool_guid,
            hostid=self.hostid,
            kernel_args=image.kernel_args,
            append=wanted.append,
            timeout=wanted.timeout,
        )

    @property
    def boot_config(self) -> BootConfig:
        """Give what the site wants of the boot menu."""
        wanted = self.plan.kickstart.bootloader
        timeout = {} if wanted.timeout is None else {"timeout": wanted.timeout}
        return BootConfig(append=wanted.append, **timeout)


@dataclass(frozen=True)
class Step:
    """One step: what it is called on the console, about how many seconds it takes, and what it does."""

    name: str
    weight: int
    run: Callable[[Context], None]
