"""Stripe as a source: the whole by listing, then what is new by listing and changes by events.

Lists are filtered by creation only, so they don't show what changed since. The feed of events
does, for 30 days: after a longer pause the whole is listed again, and what is not in it any more is
gone. An event's own copy of the object is in the API version of the account and as of
the event, so events only say which objects changed, and those are asked for as they are now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import duckdb

from connectors.billing.client import PAGE, StripeClient
from connectors.billing.cursor import Cursor
from connectors.billing.streams import LISTINGS, STREAMS
from connectors.load_folder import Page
from connectors.stream import Stream
from connectors.zone import PARQUET, Extracted, Kind, LoadFolder
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.system_settings import BillingSettings

EVENTS_KEPT = timedelta(days=29)
"""Stripe keeps events for 30 days; a day of it is left for the reading itself."""
READ_BETWEEN_CHECKPOINTS = 20
"""Objects that are asked for one by one, and once more after a crash among them."""


@dataclass(frozen=True)
class Changes:
    """What the events since ``begin`` (epoch seconds) tell of older objects: ids, sorted.

    ``changed`` is None where so many changed that all are listed anew.
    """

    begin: int
    changed: list[str] | None
    deleted: list[str]


@dataclass
class BillingSource:
    """Customers, subscriptions, invoices and refunds of one Stripe account."""

    settings: Settings
    billing: BillingSettings
    name: str = "billing"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.client = StripeClient(self.settings, self.billing)

    def check(self) -> None:
        """Read one object of each kind: proves the key and its rights."""
        self.client.check([stream.name for stream in self.streams])

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """All objects without ``cursor`` or with one older than the events; else what is new or
        changed since it less the overlap, and deletions."""
        del clock
        calls_before = self.client.calls
        last = None if cursor is None else Cursor.of(cursor)
        changes = None if last is None else self._changes(stream, last, folder)
        if last is None or changes is None or changes.changed is None:
            self._list(stream, None, folder)
            objects = _records(folder)
            if last is not None and not folder.is_done("keys"):
                _write_keys(folder)
        else:
            self._list(stream, changes.begin, folder)
            self._read(stream, changes.changed, folder)
            objects = last.objects + max(0, _records(folder) - len(changes.changed))
        if changes is not None and not folder.is_done("deleted"):
            folder.write_records([[{"id": key} for key in changes.deleted]], Kind.TOMBSTONES)
            folder.finish("deleted")
        return folder.extracted(
            calls=self.client.calls - calls_before,
            cursor=Cursor(read_at=folder.started_at, objects=objects).text(),
        )

    def close(self) -> None:
        """Close the session."""
        self.client.close()

    def _list(self, stream: Stream, created_from: int | None, folder: LoadFolder) -> None:
        listing = LISTINGS[stream.name]

        def pages(after: str | None) -> Iterator[Page]:
            return self.client.listing(stream.name, listing, after, created_from)

        folder.write_pages("whole" if created_from is None else "new", pages)

    def _read(self, stream: Stream, changed: list[str], folder: LoadFolder) -> None:
        """Read each changed object as it is now. One that is gone meanwhile is passed over: its
        deletion is an event of its own, among these or the next ones."""
        listing = LISTINGS[stream.name]

        def pages(done: int | None) -> Iterator[Page]:
            for begin in range(done or 0, len(changed), READ_BETWEEN_CHECKPOINTS):
                end = begin + READ_BETWEEN_CHECKPOINTS
                found = [self.client.get(stream.name, listing, key) for key in changed[begin:end]]
                yield [each for each in found if each is not None], end

        folder.write_pages("changed", pages)

    def _changes(self, stream: Stream, last: Cursor, folder: LoadFolder) -> Changes | None:
        """What events tell since ``last``, None where they don't reach back so far. Remembered in
        the checkpoint, so that a resumed reading goes through the same list."""
        since = last.read_at - stream.overlap.window
        if since <= folder.started_at - EVENTS_KEPT:
            return None
        begin = int(since.timestamp())
        if not folder.is_done("events"):
            changed, deleted = self._ask_events(stream, begin, folder)
            is_cheaper = len(changed) <= _calls_to_list(last.objects)
            folder.finish(
                "events", {"changed": changed if is_cheaper else None, "deleted": deleted}
            )
        return Changes(begin=begin, **folder.token("events"))

    def _ask_events(
        self, stream: Stream, begin: int, folder: LoadFolder
    ) -> tuple[list[str], list[str]]:
        """The ids of what changed and of what was deleted since ``begin``; each page's are
        remembered."""
        listing = LISTINGS[stream.name]
        known = folder.token("events") or {"after": None, "changed": [], "deleted": []}
        changed, deleted = set(known["changed"]), set(known["deleted"])
        for page in self.client.events(listing.events, begin, known["after"]):
            for event in page:
                found = event["data"]["object"]
                if found.get("object") != listing.object or "id" not in found:
                    continue
                if event["type"] == listing.deleted:
                    deleted.add(found["id"])
                elif found["created"] < begin:  # younger ones come with the listing
                    changed.add(found["id"])
            if page:
                known = {"changed": sorted(changed), "deleted": sorted(deleted)}
                folder.checkpoint("events", {**known, "after": page[-1]["id"]})
        return sorted(changed - deleted), sorted(deleted)


def _calls_to_list(objects: int) -> int:
    return objects // PAGE + 1


def _records(folder: LoadFolder) -> int:
    return sum(part.rows for part in folder.parts if part.kind is Kind.RECORDS)


def _write_keys(folder: LoadFolder) -> None:
    """Bring the keys of the whole listing, so that what was deleted before the events that are
    left gets its tombstone, too."""
    parts = [part for part in folder.parts if part.kind is Kind.RECORDS]
    if parts:
        path = folder.new_part(PARQUET)
        with duckdb.connect() as connection:
            connection.execute(
                "copy (select id from read_json($parts, format = 'newline_delimited', "
                "columns = {id: 'varchar'})) to $path (format parquet)",
                {"parts": [str(folder.path / part.file) for part in parts], "path": str(path)},
            )
        folder.seal(path, sum(part.rows for part in parts), Kind.KEYS)
    folder.finish("keys")
