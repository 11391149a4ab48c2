"""Dagster's own home: runs, events and schedule states, kept beside the warehouse."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from headwater.settings import Settings

TEMPLATE = Path(__file__).with_name("dagster.yaml")


def dagster_home(settings: Settings) -> Path:
    """``<home>/dagster``, absolute, holding the current ``dagster.yaml``."""
    home = (settings.home / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    file = home / "dagster.yaml"
    text = TEMPLATE.read_text(encoding="utf-8")
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    return home


def instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that the UI shows; use it as a context manager."""
    return dg.DagsterInstance.from_config(str(dagster_home(settings)))
