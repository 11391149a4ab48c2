"""Contacts and companies: the whole by listing, changes by search, deletes by the archive, merges
by the winner's list of losers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.hubspot.client import HubSpotClient, Record
from connectors.hubspot.streams import MODIFIED
from connectors.moments import moment_or_none
from connectors.stream import Stream
from connectors.zone import Kind, LoadFolder
from headwater.errors import SourceDataError

Token = dict[str, Any]


@dataclass(frozen=True)
class ObjectExtraction:
    """All records without ``cursor`` (ISO 8601), else those changed since it less the overlap; and
    always the archived ones."""

    client: HubSpotClient
    stream: Stream
    cursor: str | None
    folder: LoadFolder

    def run(self) -> str | None:
        """Write the records; returns the next cursor."""
        walk = self._all if self.cursor is None else self._changed
        start: Token = {"after": None, "newest": self.cursor, "losers": []}
        last: Token = self.folder.write_pages("live", lambda token: walk(token or start)) or start
        losers: list[str] = last["losers"]
        if losers:  # they vanish without a record: neither live nor archived
            gone = [{"id": loser} for loser in losers]
            self.folder.write_pages("merged", lambda _: [(gone, None)], Kind.TOMBSTONES)
        self.folder.write_pages("archived", self._archived)
        newest: str | None = last["newest"]
        return newest

    def _all(self, token: Token) -> Iterator[tuple[list[Record], Token]]:
        """The listing. Nothing landed before it, so no loser of a merge has to go."""
        for page, after in self._listing(token["after"], archived=False):
            token = {**token, "after": after, "newest": self._newest(token["newest"], page)}
            yield page, token

    def _changed(self, token: Token) -> Iterator[tuple[list[Record], Token]]:
        """Changed records, walked by id.

        Sorting by the moment would repeat and skip rows at the pages' edges, and a query gives
        10,000 rows at most: so each page is a query of its own, sorted by id, past the last one.
        """
        since = datetime.fromisoformat(str(self.cursor)) - self.stream.overlap.window
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
        yield from self._listing(after, archived=True)

    def _listing(
        self, after: str | None, *, archived: bool
    ) -> Iterator[tuple[list[Record], str | None]]:
        has_more = True
        while has_more:
            answer = self.client.listing(
                self.stream.name, self._properties, after, archived=archived
            )
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
