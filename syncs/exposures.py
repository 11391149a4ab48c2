"""dbt exposures of the syncs: which model feeds which destination, with the columns it uses.

``python -m syncs.exposures`` writes them into the dbt project; a test sees that they are those of
the definitions, and that the models' contracts have every column. So the lineage of dbt ends where
the rows do, and renaming a column that a sync reads fails before it is merged.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from syncs.definition import Definition
from syncs.registry import definitions

FILE = Path(__file__).parents[1] / "dbt_project" / "models" / "activation" / "_syncs__exposures.yml"
HEAD = "# Written by `python -m syncs.exposures` from syncs/definitions; do not edit.\n"


def exposures(found: Iterable[Definition]) -> str:
    """The YAML of one exposure per sync."""
    items = [_exposure(item) for item in sorted(found, key=lambda item: item.name)]
    return HEAD + yaml.safe_dump(
        {"version": 2, "exposures": items}, sort_keys=False, allow_unicode=True, width=96
    )


def _exposure(item: Definition) -> dict[str, Any]:
    return {
        "name": f"sync__{item.name}",
        "label": f"{item.destination}: {item.object}",
        "type": "application",
        "description": " ".join(item.description.split()),
        "owner": {"name": item.owner},
        "depends_on": [f"ref('{item.model}')"],
        "config": {
            "meta": {
                "destination": item.destination,
                "object": item.object,
                "mode": item.mode.value,
                "removal": item.removal.action.value,
                "columns": sorted(set(item.columns)),
            }
        },
    }


if __name__ == "__main__":
    FILE.write_text(exposures(definitions()), encoding="utf-8")
