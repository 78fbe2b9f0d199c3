"""`python -m tests.bench [KIND…]`, see KINDS: measures, prints a table, writes out/bench.json."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from rich.console import Console

from tests.bench.antlets import measure_antlets
from tests.bench.building import ROOT, measure_building
from tests.bench.guest import measure_guest
from tests.bench.netboot import measure_netboot
from tests.bench.pxeserver import measure_pxe_server
from tests.bench.report import Report, machine_data
from tests.bench.usb import measure_usb

__all__ = ["main"]

KINDS = ("building", "guest", "antlets", "netboot", "usb", "pxe-server")


def main(wanted: list[str]) -> int:
    """Measures what is wanted (default: all); the exit status tells whether every limit was kept."""
    if unknown := set(wanted) - set(KINDS):
        print(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
        return 2
    out = ROOT / "out"
    scratch, artefacts = out / "bench-scratch", out / "bench-artefacts"
    for directory in (scratch, artefacts):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    report = Report(machine_data())
    try:
        if not wanted or "building" in wanted:
            measure_building(report, scratch, artefacts / "building.log")
        if not wanted or "guest" in wanted:
            measure_guest(report, scratch, artefacts)
        if not wanted or "antlets" in wanted:
            measure_antlets(report, scratch, artefacts)
        if not wanted or "netboot" in wanted:
            measure_netboot(report, scratch, artefacts)
        if not wanted or "usb" in wanted:
            measure_usb(report, scratch)
        if not wanted or "pxe-server" in wanted:
            measure_pxe_server(report, scratch)
    finally:
        report.write(out / "bench.json")
        report.show(Console())
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"figures: {Path(out / 'bench.json')}; consoles and logs: {artefacts}")
    return 0 if all(figure.kept is not False for figure in report.figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
