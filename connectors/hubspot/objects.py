"""Contacts and companies: the whole by listing, changes by search, deletes by the archive, merges
by the winner's list of losers, and what is gone without a trace by a comparison of all ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.hubspot.client import HubSpotClient, Record
from connectors.hubspot.streams import MODIFIED
from connectors.keyed_cursor import KeyedCursor
from connectors.moments import moment_or_none
from connectors.stream import Stream
from connectors.zone import PARQUET, Kind, LoadFolder
from headwater.errors import SourceDataError

Token = dict[str, Any]
IDS_A_PART = 5_000


@dataclass(frozen=True)
class ObjectExtraction:
    """All records where ``cursor`` is that of a stream never read, else those changed since it less
    the overlap; always the archived ones, and every ``compare_keys_every`` all ids."""

    client: HubSpotClient
    stream: Stream
    cursor: KeyedCursor
    folder: LoadFolder
    compare_keys_every: timedelta

    def run(self) -> KeyedCursor:
        """Write the records; returns the next cursor."""
        changed_at, began = self.cursor.changed_at, self.folder.started_at
        walk = self._all if changed_at is None else self._changed
        known = changed_at.isoformat() if changed_at else None
        start: Token = {"after": None, "newest": known, "losers": []}
        last: Token = self.folder.write_pages("live", lambda token: walk(token or start)) or start
        losers: list[str] = last["losers"]
        if losers:  # they vanish without a record: neither live nor archived
            gone = [{"id": loser} for loser in losers]
            self.folder.write_pages("merged", lambda _: [(gone, None)], Kind.TOMBSTONES)
        compares = self.cursor.keys_are_due(began, self.compare_keys_every)
        if compares and not self.folder.is_done("ids"):
            self._save_ids()
        self.folder.write_pages("archived", self._archived)
        return KeyedCursor(
            moment_or_none(last["newest"]),
            began if compares or changed_at is None else self.cursor.keys_at,
        )

    def _all(self, token: Token) -> Iterator[tuple[list[Record], Token]]:
        """The listing. Nothing landed before it, so no loser of a merge has to go."""
        for page, after in self._listing(self._properties, token["after"], archived=False):
            token = {**token, "after": after, "newest": self._newest(token["newest"], page)}
            yield page, token

    def _changed(self, token: Token) -> Iterator[tuple[list[Record], Token]]:
        """Changed records, walked by id.

        Sorting by the moment would repeat and skip rows at the pages' edges, and a query gives
        10,000 rows at most: so each page is a query of its own, sorted by id, past the last one.
        """
        since = (self.cursor.changed_at or self.folder.started_at) - self.stream.overlap.window
        window = (_milliseconds(since), _milliseconds(self.folder.started_at))
        modified = MODIFIED[self.stream.name]
        has_more = True
        while has_more:
            answer = self.client.search(
                self.stream.name, self._properties, modified, window, token["after"] or "0"
            )
            page: list[Record] = answer["results"]
            has_more = bool(page) and "paging" in answer
            token = {
                "after": self._last_id(page, token["after"]) if has_more else token["after"],
                "newest": self._newest(token["newest"], page),
                "losers": token["losers"] + [loser for row in page for loser in _losers(row)],
            }
            yield page, token

    def _archived(self, after: str | None) -> Iterator[tuple[list[Record], str | None]]:
        yield from self._listing(self._properties, after, archived=True)

    def _save_ids(self) -> None:
        """All ids of live records, in parts of some thousands: what a crash makes us read again."""
        begin = self.folder.token("ids")
        ids: list[str] = []
        for page, after in self._listing(["hs_object_id"], begin, archived=False):
            ids += [str(row["id"]) for row in page if row.get("id") is not None]
            if len(ids) >= IDS_A_PART:
                self._seal_ids(ids)
                self.folder.checkpoint("ids", after)
                ids = []
        self._seal_ids(ids)
        self.folder.finish("ids")

    def _seal_ids(self, ids: list[str]) -> None:
        path = self.folder.new_part(PARQUET)
        pq.write_table(pa.table({"id": pa.array(ids, pa.string())}), path)
        self.folder.seal(path, len(ids), Kind.KEYS)

    def _listing(
        self, properties: list[str], after: str | None, *, archived: bool
    ) -> Iterator[tuple[list[Record], str | None]]:
        has_more = True
        while has_more:
            answer = self.client.listing(self.stream.name, properties, after, archived=archived)
            found = answer.get("paging", {}).get("next", {}).get("after")
            has_more = found is not None
            after = str(found) if has_more else after
            yield answer["results"], after

    @property
    def _properties(self) -> list[str]:
        return [c.path[1] for c in self.stream.columns if c.path[0] == "properties"]

    def _newest(self, known: str | None, page: Iterable[Record]) -> str | None:
        """The newest change so far, never later than the moment at which reading began.

        A record whose moment cannot be read says nothing here; its contract quarantines it.
        """
        found = [moment for row in page if (moment := moment_or_none(row.get("updatedAt")))]
        changed = [min(moment, self.folder.started_at) for moment in found]
        if known is not None:
            changed.append(datetime.fromisoformat(known))
        return max(changed).isoformat() if changed else None

    def _last_id(self, page: list[Record], known: str | None) -> str:
        """The greatest id of a page that can be read; the contract judges the others."""
        ids = [int(row["id"]) for row in page if str(row.get("id")).isdecimal()]
        if not ids or max(ids) <= int(known or "0"):
            raise SourceDataError(
                f"hubspot.{self.stream.name}: no record of a page has an id behind {known}: "
                f"{[row.get('id') for row in page][:5]}",
                next_step="The pages behind it can't be asked for; nothing was landed.",
            )
        return str(max(ids))


def _losers(record: Record) -> list[str]:
    """The ids that a record has swallowed, its own left out."""
    merged = (record.get("properties") or {}).get("hs_merged_object_ids")
    parts = str(merged or "").split(";")
    return [part for part in parts if part.isdecimal() and part != str(record.get("id"))]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
