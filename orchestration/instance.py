"""Dagster's own home: runs, events and schedule states, kept beside the warehouse."""

from __future__ import annotations

import json
import os
from pathlib import Path

import dagster as dg

from headwater.settings import Settings

TEMPLATE = Path(__file__).with_name("dagster.yaml")
STORAGE_VARIABLE = "HEADWATER_DAGSTER_STORAGE_URL"
EMBEDDED_EVENT_LOG = """
event_log_storage:
  module: orchestration.event_log
  class: EventLog
  config:
    base_dir: {base_dir}
"""
POSTGRES_STORAGE = f"""
storage:
  postgres:
    postgres_url:
      env: {STORAGE_VARIABLE}
"""


def dagster_home(settings: Settings) -> Path:
    """``<home>/dagster``, absolute, holding the current ``dagster.yaml``.

    The file names the variable of the storage's URL, never the URL; the variable is set here for
    this process and its children, because it may come from ``.env``.
    """
    home = (settings.home / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    text = TEMPLATE.read_text(encoding="utf-8")
    if settings.dagster_storage_url is None:
        text += EMBEDDED_EVENT_LOG.format(base_dir=json.dumps(str(home / "history" / "runs")))
    else:
        text += POSTGRES_STORAGE
        os.environ[STORAGE_VARIABLE] = settings.dagster_storage_url.get_secret_value()
    file = home / "dagster.yaml"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    return home


def instance(settings: Settings) -> dg.DagsterInstance:
    """The instance that the UI shows; use it as a context manager."""
    return dg.DagsterInstance.from_config(str(dagster_home(settings)))
