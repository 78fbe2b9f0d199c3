"""A bench's figures: what was measured, against what, and what was promised."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

__all__ = ["Figure", "Report", "machine_data"]


@dataclass(frozen=True)
class Figure:
    """One figure. With a `floor` the ratio to it is what `limit` limits, else the value itself.

    `parts` says what the value is made of, `floor_parts` the same of the floor.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    floor: float | None = None
    parts: dict[str, float] = field(default_factory=dict)
    floor_parts: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """The value in multiples of the floor."""
        return self.value / self.floor if self.floor else None

    @property
    def kept(self) -> bool | None:
        """Whether the limit was kept; None when there is none."""
        if self.limit is None:
            return None
        return (self.ratio if self.ratio is not None else self.value) <= self.limit

    def row(self) -> tuple[str, ...]:
        """The figure as a row of text."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        floor = "" if self.floor is None else f"{self.floor:.1f} {self.unit}"
        limit = "" if self.limit is None else f"≤ {self.limit:g}" + ("" if ratio else f" {self.unit}")
        verdict = {True: "kept", False: "MISSED", None: ""}[self.kept]
        return (self.name, f"{self.value:.1f} {self.unit}", floor, ratio, limit, verdict)


def machine_data() -> dict[str, object]:
    """What the figures were measured on."""
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_at_start": psutil.getloadavg()[0],
    }


@dataclass
class Report:
    """All figures of one run."""

    machine: dict[str, object]
    figures: list[Figure] = field(default_factory=list)

    def add(self, *figures: Figure) -> None:
        """Adds figures."""
        self.figures += figures

    def show(self, console: Console) -> None:
        """Prints the table."""
        words = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        table = Table(title="edgeLinux bench", caption=words)
        for column in ("figure", "measured", "floor", "ratio", "promised", ""):
            table.add_column(column, justify="left" if column in {"figure", ""} else "right")
        for figure in self.figures:
            table.add_row(*figure.row())
        console.print(table)
        for figure in self.figures:
            for what, parts in (("", figure.parts), ("floor of ", figure.floor_parts)):
                if parts:
                    listed = ", ".join(f"{name} {seconds:.1f}" for name, seconds in parts.items())
                    console.print(f"{what}{figure.name}: {listed}", highlight=False)

    def write(self, path: Path) -> None:
        """Writes the figures as JSON, keeping those of an earlier run that this one did not measure."""
        known: dict[str, object] = {}
        if path.exists():
            known = {figure["name"]: figure for figure in json.loads(path.read_text())["figures"]}
        new = {f.name: {**asdict(f), "ratio": f.ratio, "kept": f.kept} for f in self.figures}
        path.parent.mkdir(parents=True, exist_ok=True)
        figures = list({**known, **new}.values())
        path.write_text(json.dumps({"machine": self.machine, "figures": figures}, indent=1) + "\n")
