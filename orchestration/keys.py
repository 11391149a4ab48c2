"""Asset keys and groups: the names under which everything stands in the Dagster graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

CYCLE_POOL = "cycle"
"""The pool of all steps that hold the cycle's lease: one run of them at a time."""


def stream_key(source: str, stream: str) -> dg.AssetKey:
    """A stream's raw table, which is also what dbt calls a source: ``raw_product / users``."""
    return dg.AssetKey([f"raw_{source}", stream])


def relation_key(properties: Mapping[str, Any]) -> dg.AssetKey:
    """A dbt node by its place in the warehouse: ``marts / dim_people``, ``raw_product / users``."""
    name = properties.get("alias") or properties.get("identifier") or properties["name"]
    return dg.AssetKey([properties["schema"], name])


def sync_key(name: str) -> dg.AssetKey:
    """A sync: ``syncs / salesforce__signup_leads``."""
    return dg.AssetKey(["syncs", name])
