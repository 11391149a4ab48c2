"""``python -m sandbox.demo``: two full cycles on a fresh demo company, and what they did.

The company is built and served by child processes; both cycles run in this one, so that dbt and
Dagster are imported once. It works in ``HEADWATER_HOME`` (``var``) and removes there only what an
earlier demo left.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import dagster as dg
import typer
from rich.console import Console

from headwater.errors import HeadwaterError, SettingsError, VendorUnavailableError
from headwater.settings import Settings, load
from orchestration.report import report
from orchestration.report_tables import WIDTH, render
from orchestration.run_cycle import Ending, Outcome, run_cycle
from orchestration.terminal import shown_progress, tell
from sandbox import living, settings_file
from sandbox.company.sizes import SIZES
from sandbox.postgres import require_free

MARK = "demo.json"
MADE_BY_DEMO = (
    "warehouse.duckdb", "warehouse.duckdb.wal", "landing", "syncs", "dagster", "dbt",
    "cycle.lock", "score.json", "accounts.json", "accounts.lock", "credentials",
    "shared.sqlite", "shared.sqlite-wal", "shared.sqlite-shm",
)  # fmt: skip
READY_SECONDS = 90.0

console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


@dataclass(frozen=True)
class DemoCycle:
    """One cycle of the demo: how it ended and how long it took."""

    outcome: Outcome
    seconds: float


def demo(
    size: Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.")] = "s",
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 7,
) -> None:
    """Run two full cycles on a fresh demo company and show what happened."""
    started = time.monotonic()
    settings = load(Settings)
    company = settings.home / "sandbox"
    require_free(settings_file.port(), "SANDBOX_PORT")
    require_free(settings_file.postgres_port(), "SANDBOX_POSTGRES_PORT")
    _start_afresh(settings)
    console.rule(f"The demo company (size {size}, seed {seed})")
    built = time.monotonic()
    build = _sandbox("build", "--size", size, "--seed", str(seed), "--home", str(company))
    definitions = load_definitions()
    if build.wait():
        raise SettingsError("The demo company was not built; the reason is above.")
    console.print(f"Built in {time.monotonic() - built:.1f} s.")
    with served(company):
        console.rule("Cycle 1")
        first = one_cycle(company, definitions)
        _show(first)
        console.rule("One more day")
        changed = living.advance(company, lambda what: console.print(f"  {what}"))
        console.print("  changed: " + ", ".join(f"{n:,} {kind}" for kind, n in changed.items()))
        console.rule("Cycle 2")
        second = one_cycle(company, definitions)
        _show(second)
    console.rule("Against planted truth")
    score = subprocess.run(
        [sys.executable, "-m", "sandbox.score", "--home", str(company),
         "--warehouse", str(settings.warehouse), "--output", str(settings.home / "score.json")],
        check=False,
    ).returncode  # fmt: skip
    share = second.seconds / first.seconds
    console.rule("Done")
    console.print(
        f"Cycle 1 took {first.seconds:.1f} s, cycle 2 {second.seconds:.1f} s "
        f"({share:.0%} of the first); everything {time.monotonic() - started:.0f} s."
    )
    _say_what_next()
    failed = Ending.FAILED in (first.outcome.ending, second.outcome.ending)
    raise typer.Exit(1 if failed or score else 0)


def load_definitions() -> dg.Definitions:
    """The graph; dbt and Dagster are imported here, for both cycles."""
    from orchestration.definitions import defs

    return defs


def one_cycle(company: Path, definitions: dg.Definitions) -> DemoCycle:
    """One cycle as of the company's present, progress shown."""
    os.environ.update(settings_file.environment(company))
    started = time.monotonic()
    with shown_progress(console):
        outcome = run_cycle(load(Settings), definitions)
    return DemoCycle(outcome, time.monotonic() - started)


@contextmanager
def served(company: Path) -> Iterator[str]:
    """The company's PostgreSQL and vendors, in a child process; yields their base URL."""
    require_free(settings_file.port(), "SANDBOX_PORT")
    server = _sandbox("serve", "--home", str(company))
    try:
        _wait_until_healthy(server)
        yield settings_file.base_url()
    finally:
        server.terminate()
        server.wait()


def _sandbox(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "sandbox", *arguments])


def _wait_until_healthy(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise VendorUnavailableError(
                f"The sandbox ended with code {server.returncode}.",
                next_step="Its reason is above.",
            )
        try:
            with urllib.request.urlopen(f"{settings_file.base_url()}/_sandbox/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise VendorUnavailableError(
        f"The sandbox did not answer within {READY_SECONDS:g} s.",
        next_step="Is the machine very busy? Try once more.",
    )


def _start_afresh(settings: Settings) -> None:
    """Remove what an earlier demo left, and refuse to touch anything else."""
    if Path(".env").exists():
        raise SettingsError(
            "There is a .env here: the demo would mix your accounts with the demo company.",
            next_step="Run the demo in another clone, or move .env away for its time.",
        )
    mark = settings.home / MARK
    present = [name for name in MADE_BY_DEMO if (settings.home / name).exists()]
    if present and not mark.exists():
        raise SettingsError(
            f"{settings.home} holds {', '.join(present)}, which no demo made.",
            next_step="Set HEADWATER_HOME to another folder for the demo.",
        )
    if present:
        console.print(f"Removing what the last demo left in {settings.home}: {', '.join(present)}.")
    for name in present:
        entry = settings.home / name
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    settings.home.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({"made_by": "python -m sandbox.demo"}) + "\n", encoding="utf-8")


def _show(cycle: DemoCycle) -> None:
    settings = load(Settings)
    if settings.warehouse.exists():
        console.print(render(report(settings, cycle.outcome.run_id)), width=WIDTH)
    for failure in cycle.outcome.failures:
        tell(f"{failure.step}: {failure.reason}", failure.next_step)
    if cycle.outcome.held_back:
        console.print(f"Held back: {', '.join(cycle.outcome.held_back)}", style="yellow")
    console.print(f"\nThe cycle ended {cycle.outcome.ending.name.lower()}, {cycle.seconds:.1f} s.")


def _say_what_next() -> None:
    console.print(
        "\nLook at it in Dagster:   make dev   (http://127.0.0.1:3000)\n"
        "Ask the warehouse:       .venv/bin/headwater sql\n"
        "                         cd dbt_project && ../.venv/bin/dbt show --inline "
        "\"select * from {{ ref('fct_pqls') }}\" --limit 5\n"
        "What it did, once more:  .venv/bin/headwater report",
        markup=False,
    )


def main() -> None:
    """Run the command; errors made on purpose are one line and a next step."""
    try:
        typer.run(demo)
    except HeadwaterError as error:
        tell(error.what, error.next_step)
        sys.exit(1)


if __name__ == "__main__":
    main()
