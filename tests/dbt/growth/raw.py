"""Writes raw rows as the landing engine would leave them, for worlds with known answers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from connectors.contract import Column, columns
from connectors.raw_tables import ensure_raw_tables
from connectors.registry import all_streams
from headwater.warehouse import quote

LANDED_AT = datetime(2025, 8, 29)
_CREATED = datetime(2025, 1, 15)
_EMPTY: dict[str, Any] = {
    "VARCHAR": "",
    "BIGINT": 0,
    "DOUBLE": 0.0,
    "BOOLEAN": False,
    "TIMESTAMP": _CREATED,
    "DATE": date(2025, 1, 15),
    "DECIMAL(18, 4)": Decimal(0),
    "JSON": "null",
}


class RawWorld:
    """Rows by stream; ``write`` puts them into a new warehouse file."""

    def __init__(self) -> None:
        self._streams = {(stream.source, stream.name): stream for stream in all_streams()}
        self._rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._merges: list[tuple[str, str, str, str]] = []

    def add(self, source: str, stream: str, **values: Any) -> None:
        """One row; a required column that is not given gets an empty value of its type."""
        known = {column.name: column for column in columns(self._streams[source, stream].contract)}
        unknown = values.keys() - known.keys() - {"_deleted_at"}
        if unknown:
            raise KeyError(f"{source}.{stream} has no column {sorted(unknown)}")
        row = {name: _value(column, values.get(name)) for name, column in known.items()}
        row["_deleted_at"] = values.get("_deleted_at")
        self._rows.setdefault((source, stream), []).append(row)

    def add_merge(self, source: str, stream: str, loser: str, winner: str) -> None:
        """One line of the landing engine's book of merges."""
        self._merges.append((source, stream, loser, winner))

    def write(self, path: Path) -> None:
        """Create the warehouse at ``path`` with all raw tables and these rows."""
        with duckdb.connect(str(path)) as connection:
            ensure_raw_tables(connection)
            connection.execute(
                "insert into landing.loads (load_id, source, stream, landed_at) "
                "values (?, ?, ?, ?)",
                ["test", "test", "test", LANDED_AT],
            )
            for merge in self._merges:
                connection.execute(
                    "insert into landing.merges values (?, ?, ?, ?, ?)", [*merge, LANDED_AT]
                )
            for (source, name), rows in self._rows.items():
                fields = [*rows[0], "_load_id", "_landed_at"]
                connection.executemany(
                    f"insert into {quote(f'raw_{source}')}.{quote(name)} "
                    f"({', '.join(map(quote, fields))}) "
                    f"values ({', '.join('?' * len(fields))})",
                    [[*row.values(), "test", LANDED_AT] for row in rows],
                )


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return _EMPTY[column.type] if column.required else None
    if column.type == "JSON":
        return json.dumps(value)
    return value


def moment(text: str) -> datetime:
    """``2025-08-01`` or ``2025-08-01T09:30`` as the UTC time without zone that DuckDB stores."""
    parsed = datetime.fromisoformat(text)
    return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed
