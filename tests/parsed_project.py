"""The dbt project, parsed once in a run of the tests: the first process that needs it keeps dbt's
own file of what it parsed, and the others begin with that."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

PARSED = "partial_parse.msgpack"
PLACE = "HEADWATER_TESTS_PARSED"
"""The variable that names the folder; processes of pytest-xdist inherit it."""


def make_place(config: pytest.Config) -> None:
    """A folder for this run of the tests, and no longer."""
    if PLACE not in os.environ:
        os.environ[PLACE] = tempfile.mkdtemp(prefix="parsed-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(PLACE)))


def bring(home: Path) -> None:
    """Put what is parsed to where Headwater looks for it in a home."""
    kept = Path(os.environ[PLACE], PARSED)
    if kept.exists():
        (home / "dbt").mkdir(parents=True, exist_ok=True)
        shutil.copy(kept, home / "dbt")


def keep(home: Path) -> None:
    """Keep what was parsed in this home, if nobody did before."""
    kept = Path(os.environ[PLACE], PARSED)
    if not kept.exists():
        draft = shutil.copy(home / "dbt" / PARSED, kept.with_name(f"{PARSED}.{os.getpid()}"))
        Path(draft).rename(kept)
