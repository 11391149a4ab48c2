"""The lineage of dbt reaches the destinations, and names no column that a model does not have."""

from __future__ import annotations

import yaml

from syncs.exposures import FILE, exposures
from syncs.registry import definitions

AGAIN = "python -m syncs.exposures"


def test_the_exposures_are_those_of_the_definitions():
    assert FILE.read_text(encoding="utf-8") == exposures(definitions()), f"run `{AGAIN}`"


def test_every_column_that_a_sync_reads_stands_in_the_contract_of_its_model():
    models = yaml.safe_load((FILE.parent / "_activation__models.yml").read_text(encoding="utf-8"))
    contracts = {
        model["name"]: {column["name"] for column in model["columns"]} for model in models["models"]
    }
    missing = {
        item.name: gone
        for item in definitions()
        if (gone := set(item.columns) - contracts.get(item.model, set()))
    }
    assert missing == {}
