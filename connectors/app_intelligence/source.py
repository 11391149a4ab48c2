"""App intelligence as a source: the directory of publishers, the apps of those that are accounts',
and estimates of these apps' use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from connectors.app_intelligence.client import (
    DAYS_A_CALL,
    IDS_A_CALL,
    PARTITIONS,
    AppIntelligenceClient,
    Record,
)
from connectors.app_intelligence.streams import APPS, ESTIMATES, PUBLISHERS, STREAMS
from connectors.app_intelligence.watched import App, Watched
from connectors.stream import Stream
from connectors.zone import Extracted, Kind, LoadFolder
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.system_settings import AppIntelligenceSettings

DAYS_OF = ZoneInfo("America/New_York")
"""The vendor's days."""


@dataclass(frozen=True)
class Series:
    """Days of some apps of a store in a country, both ends included; ``kind`` is new or known."""

    kind: str
    store: str
    country: str
    ids: Sequence[str]
    first: date
    last: date

    @property
    def step(self) -> str:
        """Its name among the steps of a load."""
        return f"{self.kind} apps of {self.store} in {self.country}"


@dataclass
class AppIntelligenceSource:
    """One customer of the vendor. One stream at a time: what the directory says of this run's
    publishers decides which apps the next streams ask about."""

    settings: Settings
    group: AppIntelligenceSettings
    name: str = "app_intelligence"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.client = AppIntelligenceClient(self.settings, self.group)
        self.watched = Watched(self.settings)

    def check(self) -> None:
        """Look something up in each store: proves the login and what the plan covers."""
        for store in self.group.stores:
            self.client.check(store)

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """The directory if it is due, the apps as they are, or the days since ``cursor``."""
        del clock
        calls_before = self.client.calls
        today = folder.started_at.astimezone(DAYS_OF).date()
        match stream:
            case _ if stream == PUBLISHERS:
                cursor = self._publishers(cursor, folder, today)
            case _ if stream == APPS:
                self._apps(folder)
            case _ if stream == ESTIMATES:
                cursor = self._estimates(cursor, folder, today - timedelta(days=1))
        return folder.extracted(calls=self.client.calls - calls_before, cursor=cursor)

    def close(self) -> None:
        """Close the sessions."""
        self.client.close()

    def _publishers(self, cursor: str | None, folder: LoadFolder, today: date) -> str | None:
        """The whole directory of each store, every so many days."""
        due = timedelta(days=self.group.directory_days)
        if cursor is not None and today < date.fromisoformat(cursor) + due:
            return cursor
        for store in self.group.stores:
            folder.write_pages(f"directory of {store}", partial(self._directory, store))
        return today.isoformat()

    def _directory(
        self, store: str, token: dict[str, Any] | None
    ) -> Iterator[tuple[list[Record], dict[str, Any]]]:
        """Pages of all partitions. The token is the partition and the page to go on with."""
        partition = int(token["partition"]) if token else 1
        page_token = token["page_token"] if token else None
        while partition <= PARTITIONS:
            for rows, following in self.client.publishers(store, partition, page_token):
                self.watched.note(store, rows)
                page_token = following
                partition += following is None
                records = [{**row, "store": store} for row in rows]
                yield records, {"partition": partition, "page_token": page_token}

    def _apps(self, folder: LoadFolder) -> None:
        """Every app that is asked about, and tombstones for those that are gone."""
        wanted, gone = self.watched.apps(), self.watched.living()
        folder.write_pages("apps", partial(self._looked_up, wanted))
        found = {App(*each) for each in folder.token("apps") or []}
        missing = sorted((gone & set(wanted)) - found)
        folder.write_pages(
            "gone",
            lambda _: [([{"store": app.store, "id": app.id} for app in missing], None)],
            Kind.TOMBSTONES,
        )

    def _looked_up(
        self, wanted: Sequence[App], found: list[list[str]] | None
    ) -> Iterator[tuple[list[Record], list[list[str]]]]:
        """Pages of look-ups. The token is the apps that were found so far: the last of them says
        where to go on."""
        seen = list(found or [])
        last = App(*seen[-1]) if seen else None
        for store in sorted(self.group.stores):
            ids = [app.id for app in wanted if app.store == store and (not last or app > last)]
            for chunk in _chunks(ids):
                rows = self.client.apps(store, chunk)
                rows.sort(key=lambda row: str(row.get("id")))
                seen = [*seen, *([store, str(row.get("id"))] for row in rows)]
                yield [{**row, "store": store} for row in rows], seen

    def _estimates(self, cursor: str | None, folder: LoadFolder, last: date) -> str:
        """Days up to ``last``: for apps with estimates those since ``cursor`` less the overlap, for
        the others as many as the settings ask for."""
        oldest = last - timedelta(days=self.group.history_days - 1)
        since = oldest
        if cursor is not None:
            since = max(oldest, date.fromisoformat(cursor) + timedelta(days=1))
            since -= ESTIMATES.overlap.window
        wanted = self.watched.apps()
        for country in self.group.countries:
            known = self.watched.estimated(country)
            for store in self.group.stores:
                apps = [app for app in wanted if app.store == store]
                old = [app.id for app in apps if app in known]
                new = [app.id for app in apps if app not in known]
                for series in (
                    Series("new", store, country, new, oldest, last),
                    Series("known", store, country, old, since, last),
                ):
                    folder.write_pages(series.step, partial(self._series, series))
        return last.isoformat()

    def _series(self, series: Series, done: str | None) -> Iterator[tuple[list[Record], str]]:
        """A page per so many apps, with all their days. The token is the last app of the page."""
        common = {"store": series.store, "model_version": self.group.model_version}
        for chunk in _chunks([id_ for id_ in series.ids if done is None or id_ > done]):
            records: list[Record] = []
            start = series.first
            while start <= series.last:
                end = min(series.last, start + timedelta(days=DAYS_A_CALL - 1))
                rows = self.client.estimates(series.store, series.country, chunk, start, end)
                records += [{**row, **common} for row in rows]
                start = end + timedelta(days=1)
            yield records, chunk[-1]


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """So many ids as one call takes."""
    return (ids[start : start + IDS_A_CALL] for start in range(0, len(ids), IDS_A_CALL))
