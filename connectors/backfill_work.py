"""The work of one backfill: workers extract days into the landing zone, one thread lands them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
from pyrate_limiter import Duration, Limiter, Rate

from connectors.day_exports import DayExport, Days, divided
from connectors.landing import land
from connectors.raw_tables import ensure_raw_tables
from connectors.stream import Stream
from connectors.zone import BACKFILL, MANIFEST, Manifest, Zone, verify
from headwater.clock import Clock
from headwater.errors import HeadwaterError, RateLimitedError, RetryableError, WarehouseBusyError
from headwater.settings import Settings
from headwater.warehouse import connect

HOUR_SECONDS = 3600.0
TICK_SECONDS = 0.25
BREATH_SECONDS = 0.5
"""Between two landings: longer than a cycle that waits for the lease takes to ask again."""
SHORT_WAIT_SECONDS = 1.0
"""For the warehouse, while the lease is held: a cycle may be waiting for that."""
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 600.0
PAUSES_SECONDS = 75 * 60.0
"""All pauses in a row: vendors count over an hour, and by then the hour is over."""

Lease = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class DaysLanded:
    """What the books say of one load of a backfill; ``calls`` are those of its extraction."""

    days: Days
    load_id: str
    received: int
    landed: int
    duplicates: int
    quarantined: int
    calls: int
    bytes: int


@dataclass
class Work:
    """The state of one backfill. Only one thread changes it; workers return what they made."""

    stream: Stream
    settings: Settings
    clock: Clock
    backfill_id: str
    lease: Lease
    free: list[DayExport]  # one source per worker
    on_landed: Callable[[DaysLanded], None]
    say: Callable[[str], None]
    waiting: deque[Days] = field(default_factory=deque)
    running: dict[Future[tuple[Path, Manifest]], tuple[Days, DayExport]] = field(
        default_factory=dict
    )
    extracted: deque[tuple[Path, Manifest]] = field(default_factory=deque)
    landed: list[DaysLanded] = field(default_factory=list)
    errors: dict[Days, Exception] = field(default_factory=dict)
    tries: dict[Days, int] = field(default_factory=dict)
    known_ids: set[str] = field(default_factory=set)
    called_at: deque[float] = field(default_factory=deque)  # this backfill's calls and others'
    said: set[str] = field(default_factory=set)
    pause: float = 0.0  # seconds until the next call
    paused: float = 0.0  # seconds since a call last succeeded

    def __post_init__(self) -> None:
        self.zone = Zone(self.settings.landing_zone)
        self.pace = self.free[0].pace
        self.lanes = {id(source): f"{BACKFILL}-{n}" for n, source in enumerate(self.free, 1)}
        self.limiter = Limiter(Rate(self.pace.calls_per_second, Duration.SECOND))

    @property
    def name(self) -> str:
        """``mixpanel.events``."""
        return f"{self.stream.source}.{self.stream.name}"

    def prepare(self, asked: Days) -> None:
        """Find out which days are there from an earlier try, and divide the others into calls."""
        self.known_ids = self._landed_ids()
        there: set[date] = set()
        earlier: list[float] = []
        for folder, manifest in self.zone.manifests(self.stream):
            if manifest.lane.startswith(BACKFILL):
                earlier += [(folder / MANIFEST).stat().st_mtime] * manifest.calls
            if manifest.cycle_id == self.backfill_id:
                self.extracted.append((folder, manifest))
                there.update(days_of(manifest))
        self.called_at.extend(sorted(earlier))
        self.waiting.extend(divided(asked, there, self.pace.calls_per_hour))
        known = f"; {len(there)} days are there from an earlier try" if there else ""
        self.say(
            f"{self.name}: {asked} in {len(self.waiting)} calls, "
            f"{self.pace.parallel} at a time{known}"
        )

    def run(self) -> None:
        """Extract and land until nothing is left to do.

        Loads that cannot be landed for ``HEADWATER_CYCLE_BUDGET_MINUTES`` after the last
        extraction, because others hold the lease or the warehouse, are left in ``extracted``.
        """
        patience = self.settings.cycle_budget_minutes * 60.0
        with ThreadPoolExecutor(
            self.pace.parallel, thread_name_prefix=f"backfill-{self.stream.source}"
        ) as pool:
            while self.waiting or self.running or (self.extracted and patience > 0):
                self._start(pool)
                self._gather()
                if self._land_one():
                    self._wait(BREATH_SECONDS)
                    continue
                self._wait(TICK_SECONDS)
                if not self.waiting and not self.running:
                    patience -= TICK_SECONDS

    def _wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.pause = max(0.0, self.pause - seconds)

    def _start(self, pool: ThreadPoolExecutor) -> None:
        """Give the next days to free workers, as fast as the vendor's allowance goes."""
        while self.waiting and self.free and not self.pause:
            if not self._has_room_this_hour():
                self._say_once(f"this hour's {self.pace.calls_per_hour} calls are used; waits")
                return
            if not self.limiter.try_acquire(self.name, blocking=False):
                return
            self.called_at.append(time.time())
            days, source = self.waiting.popleft(), self.free.pop()
            self.running[pool.submit(self._extract, source, days)] = (days, source)

    def _has_room_this_hour(self) -> bool:
        """Whether a backfill may call once more; an allowance is real where the date is not."""
        while self.called_at and self.called_at[0] <= time.time() - HOUR_SECONDS:
            self.called_at.popleft()
        return len(self.called_at) < self.pace.calls_per_hour

    def _extract(self, source: DayExport, days: Days) -> tuple[Path, Manifest]:
        """In a worker: one run of days into one load of the landing zone."""
        lane = self.lanes[id(source)]
        with self.zone.extraction(
            self.stream, self.clock.now(), cursor=str(days), landed=self.known_ids, lane=lane
        ) as folder:
            extracted = source.extract_days(days.first, days.last, folder, self.clock)
            manifest = Manifest(
                load_id=folder.load_id,
                source=self.stream.source,
                stream=self.stream.name,
                cycle_id=self.backfill_id,
                started_at=folder.started_at,
                received_at=self.clock.now(),
                cursor_before=days.first.isoformat(),
                cursor_after=days.last.isoformat(),
                timezone=extracted.timezone,
                calls=extracted.calls,
                lane=lane,
                parts=tuple(folder.parts),
            )
            self.zone.commit(folder, manifest)
            return folder.path, manifest

    def _gather(self) -> None:
        """Take what workers finished, and decide what becomes of what failed."""
        for future in [future for future in self.running if future.done()]:
            days, source = self.running.pop(future)
            self.free.append(source)
            try:
                self.extracted.append(future.result())
                self.paused = 0.0
            except RateLimitedError as error:
                if self.paused >= PAUSES_SECONDS and not self.pause:
                    self._give_up(days, error, stop=True)
                    continue
                self.waiting.appendleft(days)
                self._pause(error)
            except RetryableError as error:
                self.tries[days] = self.tries.get(days, 0) + 1
                self.pause = max(self.pause, TICK_SECONDS * 2 ** self.tries[days])
                if self.tries[days] <= self.settings.http_retries:
                    self.waiting.append(days)
                else:
                    self._give_up(days, error, stop=False)
            except Exception as error:  # noqa: BLE001 - kept, and raised at the end
                self._give_up(days, error, stop=True)

    def _say_once(self, text: str) -> None:
        if text not in self.said:
            self.said.add(text)
            self.say(f"{self.name}: {text}")

    def _pause(self, error: RateLimitedError) -> None:
        """Leave the vendor to the cycle for a while. Several workers may be told at once."""
        if self.pause:
            return
        longer = min(max(FIRST_PAUSE_SECONDS, self.paused), LONGEST_PAUSE_SECONDS)
        self.pause = error.retry_after or longer
        self.paused += self.pause
        self.say(f"{self.name}: the vendor asks to slow down; pauses for {self.pause:g} s")

    def _give_up(self, days: Days, error: Exception, *, stop: bool) -> None:
        """Note that days are missing; with ``stop`` those that were not asked for yet as well."""
        self.errors[days] = error
        self.say(f"{self.name}: {days}: failed: {words(error)}")
        if stop:
            self.errors |= dict.fromkeys(self.waiting, error)
            self.waiting.clear()

    def _land_one(self) -> bool:
        """Land the oldest load that waits, if no cycle has the lease; whether that took place."""
        if not self.extracted:
            return False
        folder, manifest = self.extracted[0]
        days = days_of(manifest)
        try:
            with self.lease():
                load = self._land(folder, manifest)
        except WarehouseBusyError:
            return False
        except HeadwaterError as error:  # a part is not what was written
            self.extracted.popleft()
            self._give_up(days, error, stop=False)
            return True
        self.extracted.popleft()
        self.landed.append(load)
        self.say(
            f"{self.name}: {days}: received {load.received}, landed {load.landed}, "
            f"duplicates {load.duplicates}, quarantined {load.quarantined}"
        )
        self.on_landed(load)
        return True

    def _land(self, folder: Path, manifest: Manifest) -> DaysLanded:
        verify(folder, manifest)
        brief = self.settings.model_copy(update={"warehouse_wait_seconds": SHORT_WAIT_SECONDS})
        with connect(brief) as connection:
            ensure_raw_tables(connection, [self.stream])
            land(connection, self.stream, manifest, folder, self.clock)
            return _from_books(connection, manifest)

    def _landed_ids(self) -> set[str]:
        """Ids in the books: also where a load's folder was removed, its number is taken."""
        if not self.settings.warehouse.exists():
            return set()
        patient = self.settings.model_copy(
            update={"warehouse_wait_seconds": self.settings.cycle_budget_minutes * 60.0}
        )
        with connect(patient, read_only=True) as connection:
            if not connection.execute(
                "select 1 from duckdb_tables() where schema_name = 'landing' "
                "and table_name = 'loads'"
            ).fetchone():
                return set()
            rows = connection.execute(
                "select load_id from landing.loads where source = ? and stream = ?",
                [self.stream.source, self.stream.name],
            ).fetchall()
        return {load_id for (load_id,) in rows}


def days_of(manifest: Manifest) -> Days:
    """The days that a backfill's load was asked for."""
    return Days(
        date.fromisoformat(str(manifest.cursor_before)),
        date.fromisoformat(str(manifest.cursor_after)),
    )


def words(error: Exception) -> str:
    """An error in words; one that nobody raised on purpose is named by its class too."""
    return str(error) if isinstance(error, HeadwaterError) else f"{type(error).__name__}: {error}"


def _from_books(connection: duckdb.DuckDBPyConnection, manifest: Manifest) -> DaysLanded:
    """The load as the books have it, whoever landed it."""
    [(received, landed, duplicates, quarantined)] = connection.execute(
        "select received, landed, duplicates, quarantined from landing.loads where load_id = ?",
        [manifest.load_id],
    ).fetchall()
    return DaysLanded(
        days=days_of(manifest),
        load_id=manifest.load_id,
        received=received,
        landed=landed,
        duplicates=duplicates,
        quarantined=quarantined,
        calls=manifest.calls,
        bytes=manifest.bytes,
    )
