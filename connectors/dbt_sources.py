"""dbt source files, written from the contracts: ``python -m connectors.dbt_sources [FOLDER]``.

One ``<source>/_<source>__sources.yml`` per source, and one for the landing engine's own tables,
in the folder of staging models. They are committed; a test fails when they are stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from connectors.raw_tables import LANDING_TABLES, SYSTEM_COLUMNS
from connectors.registry import STREAMS_BY_SOURCE
from connectors.stream import Stream
from connectors.tracking_plan.docs import planned_events

STAGING = Path("dbt_project/models/staging")
HEADER = "# Written by `python -m connectors.dbt_sources` from the contracts; don't edit by hand.\n"


def source_files() -> dict[str, str]:
    """Path below the staging folder to YAML text."""
    files = {
        f"{source}/_{source}__sources.yml": _render(
            source,
            f"raw_{source}",
            f"What the connector {source} landed.",
            [_table(stream) for stream in streams],
            loaded_at_field="_landed_at",
        )
        for source, streams in STREAMS_BY_SOURCE.items()
    }
    files["landing/_landing__sources.yml"] = _render(
        "landing",
        "landing",
        "The landing engine's own books.",
        [
            {
                "name": table,
                "description": description,
                "columns": [
                    {"name": name, "description": text} for name, (_, text) in columns.items()
                ],
            }
            for table, (description, columns) in LANDING_TABLES.items()
        ],
    )
    return files


def write(folder: Path) -> list[Path]:
    """Write the files below ``folder`` and return their paths."""
    written = []
    for name, text in source_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _table(stream: Stream) -> dict[str, Any]:
    contract_columns = [
        {
            "name": column.name,
            "description": column.description,
            "data_type": column.type,
            "config": {"meta": {"pii": column.pii.value}},
        }
        for column in stream.columns
    ]
    system_columns = [
        {"name": name, "description": text, "data_type": type_}
        for name, (type_, text) in SYSTEM_COLUMNS.items()
    ]
    return {
        "name": stream.name,
        "description": "\n\n".join(filter(None, [stream.grain, planned_events(stream)])),
        "config": {
            "meta": {
                "mode": stream.mode.value,
                "key": list(stream.key),
                "cursor": stream.cursor,
                "deletes": stream.deletes.seen_by,
                **({"merges": stream.merges.seen_by} if stream.merges else {}),
            }
        },
        "columns": contract_columns + system_columns,
    }


def _render(
    name: str,
    schema: str,
    description: str,
    tables: list[dict[str, Any]],
    *,
    loaded_at_field: str | None = None,
) -> str:
    source: dict[str, Any] = {"name": name, "schema": schema, "description": description}
    if loaded_at_field:
        source["config"] = {"loaded_at_field": loaded_at_field}
    source["tables"] = tables
    body = yaml.dump(
        {"version": 2, "sources": [source]},
        Dumper=_ReadableText,
        sort_keys=False,
        width=98,
        allow_unicode=True,
    )
    return HEADER + body


class _ReadableText(yaml.SafeDumper):
    """Writes text of several lines as it is."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_ReadableText.add_representer(str, _ReadableText.represent_str)


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else STAGING):
        print(path)
