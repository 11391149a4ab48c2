"""A table of JSON documents by key: what most vendors' records are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sandbox.store import SqliteStore

Document = dict[str, Any]


class Documents:
    """JSON documents in one table of a vendor's SQLite file.

    Columns are ``key`` (TEXT, or INTEGER with ``integer_keys``) and ``document``; ``where``
    clauses are SQL over them, such as ``document ->> '$.name' = ?``.
    """

    def __init__(self, db: SqliteStore, table: str, *, integer_keys: bool = False) -> None:
        self._db = db
        self._table = f'"{table}"'
        kind = "integer" if integer_keys else "text"
        db.execute(
            f"create table if not exists {self._table} "
            f"(key {kind} primary key not null, document text not null)"
        )
        db.execute(
            "create table if not exists last_keys (name text primary key, last integer not null)"
        )

    def index(self, name: str, expression: str, where: str | None = None) -> None:
        """Index an expression over the document, so that looking it up stays fast; with ``where``,
        over the documents for which that holds, for searches that say the same."""
        only = f" where {where}" if where else ""
        self._db.execute(
            f'create index if not exists "{name}" on {self._table} ({expression}){only}'
        )

    def get(self, key: str | int) -> Document | None:
        """The document of a key."""
        found = self.select("key = ?", (key,))
        return found[0] if found else None

    def put(self, key: str | int, document: Document) -> None:
        """Store a document, replacing what the key held."""
        self.put_many([(key, document)])

    def put_many(self, items: Iterable[tuple[str | int, Document]]) -> None:
        """Store many documents in one transaction."""
        self._db.executemany(
            f"insert into {self._table} (key, document) values (?, ?) "
            "on conflict (key) do update set document = excluded.document",
            ((key, json.dumps(document)) for key, document in items),
        )

    def delete(self, key: str | int) -> None:
        """Remove a document."""
        self._db.execute(f"delete from {self._table} where key = ?", (key,))

    def select(
        self,
        where: str = "true",
        parameters: Sequence[Any] = (),
        *,
        order: str = "key",
        limit: int = -1,
        offset: int = 0,
    ) -> list[Document]:
        """Documents in order; ``limit`` -1 is all of them."""
        rows = self._db.tuples(
            f"select document from {self._table} where {where} order by {order} limit ? offset ?",
            (*parameters, limit, offset),
        )
        return [json.loads(row[0]) for row in rows]

    def count(self, where: str = "true", parameters: Sequence[Any] = ()) -> int:
        """How many documents match."""
        found = self._db.tuples(f"select count(*) from {self._table} where {where}", parameters)
        return int(found[0][0])

    def reserve(self, last: int) -> None:
        """Keep the keys up to ``last`` from being given out by :meth:`next_key`."""
        self._db.execute(
            "insert into last_keys values (?, ?) "
            "on conflict (name) do update set last = max(last, excluded.last)",
            (self._table, last),
        )

    def next_key(self, first: int = 1) -> int:
        """A new integer key, above all that are there and all that were ever given out."""
        with self._db.transaction():
            held, given = self._db.tuples(
                f"select (select max(key) from {self._table}), "
                "(select last from last_keys where name = ?)",
                (self._table,),
            )[0]
            key = max(first, int(held or 0) + 1, int(given or 0) + 1)
            self._db.execute(
                "insert into last_keys values (?, ?) "
                "on conflict (name) do update set last = excluded.last",
                (self._table, key),
            )
        return key
