"""The ids of all records of an object, those in the recycle bin included: a row that is in none of
them was deleted for good, or left the bin before it was seen there.

By a bulk job, whatever their number: it costs some four calls, and one per 250,000 ids.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from connectors.salesforce.bulk_query import BulkQuery
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.streams import OBJECTS
from connectors.stream import Stream
from connectors.zone import PARQUET, Kind, LoadFolder
from headwater.clock import Clock
from headwater.warehouse import literal

IDS = "ids"


def write_ids(client: SalesforceClient, stream: Stream, folder: LoadFolder, clock: Clock) -> None:
    """Write the ids as parts of kind ``keys``; see :mod:`connectors.landing_keys`."""
    BulkQuery(
        client=client,
        folder=folder,
        clock=clock,
        step=IDS,
        soql=lambda: f"SELECT Id FROM {OBJECTS[stream.name]}",
        save=_csv_to_ids,
        extension=PARQUET,
        kind=Kind.KEYS,
    ).run()


def _csv_to_ids(csv: Path, part: Path) -> tuple[int, None]:
    with duckdb.connect() as memory:
        row = memory.execute(
            f"copy (select * from read_csv({literal(str(csv))}, columns = {{'Id': 'VARCHAR'}}, "
            "header = true, delim = ',', quote = '\"', auto_detect = false)) "
            f"to {literal(str(part))} (format parquet)"
        ).fetchone()
    return (int(row[0]) if row else 0), None
