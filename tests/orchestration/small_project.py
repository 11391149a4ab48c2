"""A dbt project of a few models, for tests of how dbt is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PROJECT = """
name: small
profile: small
flags: {send_anonymous_usage_stats: false}
models: {small: {+materialized: table}}
"""
PROFILE = """
small:
  target: duckdb
  outputs:
    duckdb:
      type: duckdb
      path: "{{ env_var('HEADWATER_WAREHOUSE_PATH', 'warehouse.duckdb') }}"
      config_options:
        autoinstall_known_extensions: false
        storage_compatibility_version: v1.2.0
        checkpoint_threshold: 64MB
"""


def write_project(folder: Path, models: Mapping[str, str], properties: str = "") -> Path:
    """A project in ``folder``: SQL by the model's path below models/, and their properties file."""
    files = {"dbt_project.yml": PROJECT, "profiles.yml": PROFILE}
    files |= {f"models/{path}.sql": sql for path, sql in models.items()}
    if properties:
        files["models/properties.yml"] = properties
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder
