"""dlt with its DuckDB destination, in its default settings: ``python peer_dlt.py FOLDER FILE...``.

Runs in a virtual environment of its own (benchmarks/peers.txt) and knows nothing of Headwater.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt

PAGE = 1000
_spec = importlib.util.spec_from_file_location(
    "measuring", Path(__file__).with_name("measuring.py")
)
assert _spec is not None and _spec.loader is not None
measuring = sys.modules["measuring"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(measuring)


@dlt.resource(name="events")
def events(files: list[str]) -> Iterator[list[dict[str, Any]]]:
    """The records of the export, in pages."""
    for file in files:
        page = []
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                page.append(json.loads(line))
                if len(page) == PAGE:
                    yield page
                    page = []
        if page:
            yield page


def main(folder: str, *files: str) -> None:
    """Load the files."""
    with measuring.report_cost() as came:
        pipeline = dlt.pipeline(
            pipeline_name="bench",
            pipelines_dir=folder,
            destination=dlt.destinations.duckdb(f"{folder}/dlt.duckdb"),
            dataset_name="bench",
        )
        pipeline.run(events(list(files)))
        with pipeline.sql_client() as client:
            [(rows,)] = client.execute_sql("select count(*) from events") or [(0,)]
        came(int(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
