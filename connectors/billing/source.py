"""Stripe as a source: the whole by listing, then what is new by listing and changes by events.

Lists are filtered by creation only, so they don't show what changed since. The feed of events
does, for 30 days: after a longer pause the whole is listed again, and what is not in it any more is
gone. An event's own copy of the object is in the API version of the account and as of
the event, so events only say which objects changed, and those are asked for as they are now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from connectors.billing.client import PAGE, StripeClient
from connectors.billing.streams import LISTINGS, STREAMS
from connectors.load_folder import Page
from connectors.stream import Stream
from connectors.zone import PARQUET, Extracted, Kind, LoadFolder
from headwater.clock import Clock
from headwater.settings import BillingSettings, Settings

EVENTS_KEPT = timedelta(days=29)
"""Stripe keeps events for 30 days; a day of it is left for the reading itself."""


@dataclass(frozen=True)
class Changes:
    """What the events since a moment tell of objects made before it: ids, sorted."""

    changed: list[str]
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
        """All objects without ``cursor`` (ISO 8601, when the last reading began) or with one older
        than the events; else what is new or changed since it less the overlap, and deletions."""
        del clock
        calls_before = self.client.calls
        since = None if cursor is None else datetime.fromisoformat(cursor) - stream.overlap.window
        deleted: list[str] = []
        if since is not None and since > folder.started_at - EVENTS_KEPT:
            begin = int(since.timestamp())
            changes = self._changes(stream, begin, folder)
            deleted = changes.deleted
            if len(changes.changed) < self.billing.relist_from_changes:
                self._list(stream, begin, folder)
                self._read(stream, changes.changed, folder)
            else:
                self._list(stream, None, folder)
        else:
            self._list(stream, None, folder)
            if cursor is not None and not folder.is_done("keys"):
                _write_keys(folder)
        if not folder.is_done("deleted"):
            folder.write_records([[{"id": key} for key in deleted]], Kind.TOMBSTONES)
            folder.finish("deleted")
        return folder.extracted(
            calls=self.client.calls - calls_before, cursor=folder.started_at.isoformat()
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
            for begin in range(done or 0, len(changed), PAGE):
                end = begin + PAGE
                found = [self.client.get(stream.name, listing, key) for key in changed[begin:end]]
                yield [each for each in found if each is not None], end

        folder.write_pages("changed", pages)

    def _changes(self, stream: Stream, begin: int, folder: LoadFolder) -> Changes:
        """What events tell; remembered in the checkpoint, so that a resumed reading goes through
        the same list."""
        if not folder.is_done("events"):
            folder.finish("events", self._ask_events(stream, begin))
        known = folder.token("events")
        return Changes(changed=known["changed"], deleted=known["deleted"])

    def _ask_events(self, stream: Stream, begin: int) -> dict[str, list[str]]:
        listing = LISTINGS[stream.name]
        changed: set[str] = set()
        deleted: set[str] = set()
        for page in self.client.events(listing.events, begin):
            for event in page:
                found = event["data"]["object"]
                if found.get("object") != listing.object or "id" not in found:
                    continue
                if event["type"] == listing.deleted:
                    deleted.add(found["id"])
                elif found["created"] < begin:  # younger ones come with the listing
                    changed.add(found["id"])
        return {"changed": sorted(changed - deleted), "deleted": sorted(deleted)}


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
