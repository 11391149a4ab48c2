"""What a large sync costs: CPU, memory, the time that the warehouse is held."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.measuring import Cost, in_process
from benchmarks.proof.measured import Measured

WORK = ["-m", "benchmarks.proof.costs_work"]


def costs(place: Path, rows: int) -> list[Measured]:
    """Each in a process of its own, on a model of ``rows`` rows."""
    home = place / "costs"
    work = {step: _cost(step, home, rows) for step in ("fill", "quiet", "change", "difference",
                                                        "plan", "kill", "resume")}  # fmt: skip
    scale = max(1.0, rows / 1_000_000)  # a small model has the targets of a million rows
    quiet, found = work["quiet"], work["difference"]
    peak = max(cost.peak_mb for cost in work.values())
    return [
        Measured(5, f"difference, {rows:,} rows, 1 % changed", f"{1.0 * scale:.1f} CPU s",
                 f"{found.cpu_seconds:.2f} CPU s", found.cpu_seconds <= scale),
        Measured(6, f"nothing changed, {rows:,} rows, whole process",
                 f"{1.5 * scale:.1f} CPU s, 0 calls",
                 f"{quiet.cpu_seconds:.2f} CPU s, {quiet.rows} calls",
                 quiet.cpu_seconds <= 1.5 * scale and not quiet.rows),
        Measured(7, f"memory, delivery of {rows:,} rows included", "300 MB", f"{peak:.0f} MB",
                 peak <= 300),
        Measured(9, "rows to a local sink, batches of 2,000", "100,000 a second",
                 f"{rows / work['fill'].seconds:,.0f} a second",
                 rows / work["fill"].seconds >= 100_000),
        Measured(10, "the warehouse is held for", f"{5 * scale:.1f} s",
                 f"{found.seconds:.2f} s", found.seconds <= 5 * scale),
        Measured(11, f"plan of {rows:,} rows", f"{5 * scale:.1f} s",
                 f"{work['plan'].seconds:.2f} s", work["plan"].seconds <= 5 * scale),
        Measured(27, "after a kill the next batch is taken up within", "2 s",
                 f"{work['resume'].seconds:.2f} s", work["resume"].seconds <= 2),
    ]  # fmt: skip


def _cost(step: str, home: Path, rows: int) -> Cost:
    return in_process(WORK, step, home, rows, python=sys.executable)
