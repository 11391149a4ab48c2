"""Building the demo company in a home folder, and letting it live one more day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from headwater.errors import SettingsError
from sandbox import credentials, settings_file
from sandbox.clock import clock_in
from sandbox.company import loading, slices
from sandbox.company.reactions import react
from sandbox.company.timeline import ALL_DAYS, DAYS, at, day
from sandbox.company.world import World, simulate
from sandbox.postgres import Postgres, require_free

PREPARED_DAYS = 2
"""Days that ``build`` prepares beyond the first cycle; later ones are simulated when asked for."""

KNOWN_ENTRIES = (
    "world.json", "clock.json", "credentials.json", "headwater.env", "google-service-account.json",
    "postgres", "truth", "days", "mixpanel", "salesforce", "hubspot", "crunchbase", "google",
    "outreach", "launchdarkly", "marketo",
    "app_intelligence", "web_rank",
    "zendesk", "stripe", "event_files",
)  # fmt: skip
Progress = Callable[[str], None]


def is_built(home: Path) -> bool:
    """Whether a whole company stands in ``home``."""
    return (home / "world.json").exists()


def build(home: Path, size: str, seed: int, progress: Progress) -> dict[str, int]:
    """Simulate a company and load it everywhere. Returns what was made, by kind."""
    require_free(settings_file.postgres_port(), "SANDBOX_POSTGRES_PORT")
    reset(home)
    credentials.write(home)
    clock = clock_in(home)
    clock.set(at(DAYS))
    progress("simulating")
    world = simulate(size, seed)
    first = slices.first(world)
    postgres = Postgres(home, settings_file.postgres_port())
    with postgres.running():
        postgres.create_product()
        loading.load(first, home, postgres, clock, progress)
    progress("next days")
    _prepare(world, home, DAYS, DAYS + PREPARED_DAYS)
    settings_file.write(home)
    _remember(home, size, seed, DAYS)
    return {
        **{name: table.num_rows for name, table in first.product.items()},
        **{f"{vendor} {table}": len(rows) for (vendor, table), rows in first.records.items()},
        "events": world.events.counts(DAYS)["exported_line"],
    }


def advance(home: Path, progress: Progress) -> dict[str, int]:
    """Let the company live one more day; PostgreSQL must be running. Returns what changed."""
    known = _recall(home)
    number, size, seed = int(known["day"]), str(known["size"]), int(known["seed"])
    if number >= ALL_DAYS:
        raise SettingsError(
            f"The demo company's last day, {day(ALL_DAYS - 1)}, is over.",
            next_step="Start anew with python -m sandbox build.",
        )
    folder = _day_folder(home, number)
    if not folder.exists():
        progress("simulating")
        _prepare(simulate(size, seed), home, number, min(number + 4, ALL_DAYS))
    part = slices.read(folder)
    clock = clock_in(home)
    clock.set(part.until)
    loading.load(part, home, Postgres(home, settings_file.postgres_port()), clock, progress)
    progress("reactions")
    reactions = react(home, clock, seed, part.until - timedelta(days=1))
    settings_file.write(home)
    _remember(home, size, seed, number + 1)
    shutil.rmtree(folder)
    changed = {name: table.num_rows for name, table in part.product.items()}
    changed |= {f"{vendor} {table}": len(rows) for (vendor, table), rows in part.records.items()}
    return {**{name: count for name, count in changed.items() if count}, **reactions}


def reset(home: Path) -> None:
    """Remove what a sandbox keeps in ``home``, and nothing else."""
    for name in KNOWN_ENTRIES:
        entry = home / name
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def _prepare(world: World, home: Path, first: int, end: int) -> None:
    for number in range(first, end):
        slices.cut(world, float(number), float(number + 1)).save(_day_folder(home, number))


def _day_folder(home: Path, number: int) -> Path:
    return home / "days" / day(number).isoformat()


def _remember(home: Path, size: str, seed: int, number: int) -> None:
    known = {"size": size, "seed": seed, "day": number}
    (home / "world.json").write_text(json.dumps(known) + "\n", encoding="utf-8")


def _recall(home: Path) -> dict[str, str | int]:
    if not is_built(home):
        raise SettingsError(
            f"There is no demo company in {home}.",
            next_step="Build one first: python -m sandbox build.",
        )
    known: dict[str, str | int] = json.loads((home / "world.json").read_text(encoding="utf-8"))
    return known
