"""Backfill: reads days of an export again, in parallel, beside the cycle and without disturbing it.

The cycle reads an export's new days and a few before them. What a vendor stored later than that is
asked for here. Extraction needs neither the warehouse nor the cycle's lease: workers fetch runs of
days into the landing zone, each in a lane of its own. Landing takes the lease for the seconds of
one load, and only when no cycle has it, so that a cycle sees one state of the raw tables from its
first step to its last. Loads of a backfill move no cursor, and what landed before is a duplicate by
its key.

A backfill that ends before all its days are there (killed, refused, quota used up) leaves its id
in ``.backfill.json`` beside the stream's loads: the next one goes on with it and fetches no
finished day again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from connectors.backfill_work import DaysLanded, Lease, Work, days_of, words
from connectors.day_exports import DAY, DayExport, Days, consecutive
from connectors.registry import all_streams, open_source
from connectors.stream import Mode, Stream
from connectors.zone import BACKFILL, Zone
from headwater.accounts import claim
from headwater.clock import Clock
from headwater.durable_file import write_durably
from headwater.errors import DefinitionError, PermanentError, RetryableError, SettingsError
from headwater.settings import Settings

__all__ = [
    "BackfillFailedError",
    "BackfillResult",
    "BackfillToRetryError",
    "Days",
    "DaysLanded",
    "check_days",
    "day_stream",
    "day_streams",
    "run_backfill",
]


@dataclass(frozen=True)
class BackfillResult:
    """What a backfill brought, by load. ``waiting`` are days that are extracted and not landed,
    because a cycle had the lease all the time: the next one lands them. ``missing`` are days that
    could not be had."""

    backfill_id: str
    asked: Days
    landed: tuple[DaysLanded, ...]
    waiting: tuple[Days, ...] = ()
    missing: tuple[Days, ...] = ()


class BackfillFailedError(PermanentError):
    """Some days could not be had, and asking again changes nothing yet; ``result`` has the rest."""

    def __init__(self, what: str, result: BackfillResult, *, next_step: str) -> None:
        super().__init__(what, next_step=next_step)
        self.result = result


class BackfillToRetryError(RetryableError):
    """Some days could not be had just now; see :class:`BackfillFailedError`."""

    def __init__(self, what: str, result: BackfillResult, *, next_step: str) -> None:
        super().__init__(what, next_step=next_step)
        self.result = result


def day_streams() -> tuple[Stream, ...]:
    """The streams that can be backfilled: facts that are exported by whole days."""
    return tuple(
        stream for stream in all_streams() if stream.cursor == DAY and stream.mode is Mode.APPEND
    )


def day_stream(name: str) -> Stream:
    """The stream of a name such as ``mixpanel.events``.

    Raises :class:`headwater.errors.DefinitionError` for one that is not read by days.
    """
    known = {f"{stream.source}.{stream.name}": stream for stream in day_streams()}
    if name not in known:
        raise DefinitionError(
            f"{name} is no export that is read by days.", next_step=f"Known: {', '.join(known)}."
        )
    return known[name]


def run_backfill(
    stream: Stream,
    asked: Days,
    settings: Settings,
    clock: Clock,
    *,
    backfill_id: str,
    lease: Lease,
    anew: bool = False,
    on_landed: Callable[[DaysLanded], None] = lambda _: None,
    on_progress: Callable[[str], None] = lambda _: None,
) -> BackfillResult:
    """Read the days ``asked`` of a stream again and land them.

    ``lease`` is held around each single landing; it must not wait, but raise
    :class:`headwater.errors.WarehouseBusyError` when a cycle has it. ``backfill_id`` becomes the
    ``cycle_id`` of the loads, unless an unfinished backfill goes on (then it is that one's);
    ``anew`` forgets what an unfinished one fetched. ``on_landed`` is told of each load once it is
    in the books, those of the unfinished backfill included.
    Raises :class:`headwater.errors.SettingsError` for days that cannot be asked for,
    :class:`headwater.errors.RetryableError` when the stream is being backfilled already, and
    :class:`BackfillToRetryError` or :class:`BackfillFailedError` when days are missing at the end.
    """
    zone = Zone(settings.landing_zone)
    with ExitStack() as opened:
        source = opened.enter_context(closing(_open(stream, settings)))
        check_days(asked, settings, source.last_whole_day(clock))
        source.check()
        claim(stream.source, settings)
        opened.enter_context(_held(zone, stream))
        # Whether a worker's call is tried again is decided where the others' calls are known.
        once = settings.model_copy(update={"http_retries": 0})
        workers = [_open(stream, once) for _ in range(source.pace.parallel)]
        work = Work(
            stream=stream,
            settings=settings,
            clock=clock,
            backfill_id=_adopted(zone, stream, backfill_id, anew=anew),
            lease=lease,
            free=[opened.enter_context(closing(worker)) for worker in workers],
            on_landed=on_landed,
            say=on_progress,
        )
        work.prepare(asked)
        work.run()
        return _result(work, asked)


def _result(work: Work, asked: Days) -> BackfillResult:
    """The account at the end; raises when days are missing."""
    result = BackfillResult(
        work.backfill_id,
        asked,
        tuple(sorted(work.landed, key=lambda load: (load.days, load.load_id))),
        waiting=tuple(days_of(manifest) for _, manifest in work.extracted),
        missing=tuple(consecutive({day for days in work.errors for day in days})),
    )
    if not work.errors:
        if not result.waiting:
            _journal(work.zone, work.stream).unlink(missing_ok=True)
        return result
    reasons = dict.fromkeys(words(error) for error in work.errors.values())
    retry = all(isinstance(error, RetryableError) for error in work.errors.values())
    raise (BackfillToRetryError if retry else BackfillFailedError)(
        f"{work.name}: missing are {', '.join(str(days) for days in result.missing)}. "
        + " ".join(reasons),
        result,
        next_step="Ask for the same days again: those that are there are not fetched again.",
    )


def _open(stream: Stream, settings: Settings) -> DayExport:
    source = open_source(stream.source, settings)
    if not isinstance(source, DayExport):
        raise DefinitionError(f"The source {stream.source} cannot be read day by day.")
    return source


@contextmanager
def _held(zone: Zone, stream: Stream) -> Iterator[None]:
    """One backfill of a stream at a time. A cycle that looks whether one lives takes the lock for
    an instant, hence the tries."""
    with ExitStack() as held:
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type(RetryableError),
                stop=stop_after_attempt(5),
                wait=wait_fixed(0.1),
                reraise=True,
            ):
                with attempt:
                    held.enter_context(zone.hold(stream, BACKFILL))
        except RetryableError as error:
            raise RetryableError(
                f"Another process is backfilling {stream.source}.{stream.name}.",
                next_step="Let it end, then ask for your days.",
            ) from error
        yield


def check_days(asked: Days, settings: Settings, last_whole_day: date) -> None:
    """Raise :class:`headwater.errors.SettingsError` for days that cannot be asked for."""
    if asked.last < asked.first:
        raise SettingsError(
            f"The first day, {asked.first}, is after the last, {asked.last}.",
            next_step="Give the earlier one first.",
        )
    if asked.first < settings.history_start:
        raise SettingsError(
            f"{asked.first} is before the first day of history, {settings.history_start}.",
            next_step="Set HEADWATER_HISTORY_START to an earlier day.",
        )
    if asked.last > last_whole_day:
        raise SettingsError(
            f"{asked.last} is not over yet; the last whole day is {last_whole_day}.",
            next_step="The cycle reads the days that are not over.",
        )


def _journal(zone: Zone, stream: Stream) -> Path:
    return zone.folder(stream) / ".backfill.json"


def _adopted(zone: Zone, stream: Stream, backfill_id: str, *, anew: bool) -> str:
    """The id of the unfinished backfill, if there is one to go on with, else ``backfill_id``."""
    path = _journal(zone, stream)
    if path.exists() and not anew:
        return str(json.loads(path.read_text(encoding="utf-8"))["backfill_id"])
    write_durably(path, json.dumps({"backfill_id": backfill_id}))
    return backfill_id
