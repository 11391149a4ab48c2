"""The export as Mixpanel would hold it: the clickstream with its dirt, as lines of JSON by day."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sandbox.company.clickstream import (
    EVENT_NUMBER,
    EVENTS,
    PLATFORMS,
    Clickstream,
    Columns,
    concatenate,
)
from sandbox.company.dice import Dice
from sandbox.company.orders import Ints
from sandbox.company.product_life import UTM_CHOICES
from sandbox.company.timeline import ALL_DAYS, EPOCH, START

NORMAL, DUPLICATE, NEAR_DUPLICATE, STAGING, BOT, NO_ACTOR, MALFORMED = range(7)
KINDS = {
    DUPLICATE: "duplicate_event",
    NEAR_DUPLICATE: "near_duplicate_event",
    STAGING: "staging_event",
    BOT: "bot_event",
    NO_ACTOR: "event_without_distinct_id",
    MALFORMED: "malformed_line",
}
BOTS = ("Googlebot/2.1", "bingbot/2.0", "HeadlessChrome/126.0")
AGENTS = ("Mozilla/5.0 Firefox/128.0", "GroupGrub-iOS/4.2", "GroupGrub-Android/4.1")
CHUNK_DAYS = 16
_DAY_MS = 86_400_000


@dataclass
class EventLog:
    """All events that Mixpanel ever stores; ``table`` has one row per line of the export."""

    table: pa.Table

    def files(self, start: float, end: float) -> Iterator[tuple[date, bytes]]:
        """What was stored in [start, end) days, by event day, each as one gzip member."""
        low, high = (EPOCH * 1000 + int(t * _DAY_MS) for t in (max(start, -1.0), end))
        processed = self.table["processed_ms"].to_numpy()
        stored = np.flatnonzero((processed >= low) & (processed < high))
        days = (self.table["time"].to_numpy()[stored] - EPOCH) // 86_400
        with duckdb.connect() as connection:
            for first in np.unique(days // CHUNK_DAYS) * CHUNK_DAYS:
                chunk = stored[(days >= first) & (days < first + CHUNK_DAYS)]
                events = self.table.take(chunk)  # noqa: F841 - named in the SQL
                from_t = EPOCH + int(first) * 86_400
                yield from _compressed(
                    connection.execute(_LINES, {"from_t": from_t}).to_arrow_table()
                )

    def counts(self, end: float) -> dict[str, int]:
        """How many lines of each kind of dirt were stored before ``end`` days."""
        stored = self.table["processed_ms"].to_numpy() < EPOCH * 1000 + int(end * _DAY_MS)
        kinds = self.table["kind"].to_numpy()[stored]
        found = {name: int((kinds == kind).sum()) for kind, name in KINDS.items()}
        return {"exported_line": int(stored.sum()), **found}


_LINES = """
    select
        (time - $from_t) // 86400 as day_offset,
        $from_t as from_t,
        case when kind = 6 then left(line, length(line) * 3 // 5) || chr(10)
            else line || chr(10) end as line
    from (
        select
            time, serial, kind, processed_ms,
            '{"event":"' || event || '","properties":{"time":' || time
            || case when kind = 5 then ''
                when user_id > 0 then ',"distinct_id":"' || user_id || '"'
                else ',"distinct_id":"$device:' || device_id || '"' end
            || ',"$insert_id":"' || md5(serial::varchar || ':' || time)
            || '","mp_processing_time_ms":' || processed_ms
            || ',"$device_id":"' || device_id || '"'
            || case when user_id > 0 then ',"$user_id":"' || user_id || '"' else '' end
            || case when workspace_id > 0 then ',"workspace_id":' || workspace_id else '' end
            || ',"platform":"' || platform || '","environment":"'
            || case when kind = 3 then 'staging' else 'production' end
            || '","user_agent":"' || user_agent || '"'
            || coalesce(',"$current_url":"' || url || '"', '')
            || coalesce(',"utm_source":"' || utm_source || '","utm_medium":"' || utm_medium
                || '","utm_campaign":"' || utm_campaign || '"', '')
            || coalesce(',"email":"' || email || '"', '')
            || '}}' as line
        from events
    )
    order by time, serial, processed_ms
"""


def _compressed(lines: pa.Table) -> Iterator[tuple[date, bytes]]:
    if lines.num_rows == 0:
        return
    lines = lines.combine_chunks()
    text = lines["line"].chunk(0)
    offsets = np.frombuffer(text.buffers()[1], dtype=np.int32)[: len(text) + 1]
    content = memoryview(text.buffers()[2])
    offset = lines["day_offset"].to_numpy()
    first = (lines["from_t"][0].as_py() - EPOCH) // 86_400
    for number in np.unique(offset):
        begin, end = np.searchsorted(offset, [number, number + 1])
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        packed = packer.compress(content[offsets[begin] : offsets[end]]) + packer.flush()
        yield START.date() + timedelta(days=int(first + number)), packed


def build(parts: list[Columns], stream: Clickstream, visitors: Columns, seed: int) -> EventLog:
    """Join all parts and plant the dirt: doubles, bots, staging, late, missing, malformed."""
    rng = Dice(seed, "dirt").rng
    columns = concatenate([*parts, visitors])
    count = len(columns.t)
    is_visitor = np.arange(count) >= count - len(visitors.t)
    moments = np.isin(
        columns.event, [EVENT_NUMBER["Group Order Shared"], EVENT_NUMBER["Slack Connected"]]
    )
    kind = np.full(count, NORMAL)
    bot_devices = rng.random(len(stream.devices)) < 0.012
    kind[is_visitor & bot_devices[columns.device]] = BOT
    plain = np.flatnonzero(columns.event == EVENT_NUMBER["Menu Viewed"])
    few = max(4, count // 40_000)
    spoiled = rng.choice(plain, size=3 * few, replace=False)
    kind[spoiled[:few]] = NO_ACTOR
    kind[spoiled[few:]] = MALFORMED
    lag = rng.integers(1_000, 240_000, count)
    late = (rng.random(count) < 0.01) & ~moments & (columns.user > 0)
    lag = np.where(late, rng.integers(_DAY_MS // 2, 3 * _DAY_MS, count), lag)
    _keep_spoiled_known(spoiled, lag)
    serial = np.arange(count)
    good = kind == NORMAL
    copies = _copies(rng, columns, good, serial)
    every = concatenate([columns, *(copy for copy, _, _, _ in copies)])
    kinds = np.concatenate([kind, *(np.full(len(s), k) for _, k, s, _ in copies)])
    serials = np.concatenate([serial, *(s for _, _, s, _ in copies)])
    lags = np.concatenate([lag, *(extra for _, _, _, extra in copies)])
    return EventLog(_table(every, kinds, serials, every.t * 1000 + lags, stream))


def _keep_spoiled_known(spoiled: Ints, lag: Ints) -> None:
    lag[spoiled] = 1_500


def _copies(
    rng: np.random.Generator, columns: Columns, good: NDArray[np.bool_], serial: Ints
) -> list[tuple[Columns, int, Ints, Ints]]:
    """Exact doubles, near doubles of page views (a new insert id), and staging's events."""
    count = len(serial)
    doubles = np.flatnonzero(good & (rng.random(count) < 0.008))
    viewed = columns.event == EVENT_NUMBER["Page Viewed"]
    near = np.flatnonzero(good & viewed & (rng.random(count) < 0.01))
    staging = np.flatnonzero(good & (rng.random(count) < 0.004))
    fresh = count + np.arange(len(near) + len(staging))
    return [
        (
            columns.take(doubles),
            DUPLICATE,
            serial[doubles],
            rng.integers(240_001, 20_000_000, len(doubles)),
        ),
        (
            columns.take(near),
            NEAR_DUPLICATE,
            fresh[: len(near)],
            rng.integers(1_000, 240_000, len(near)),
        ),
        (
            columns.take(staging),
            STAGING,
            fresh[len(near) :],
            rng.integers(1_000, 240_000, len(staging)),
        ),
    ]


def _table(
    columns: Columns, kind: Ints, serial: Ints, processed: Ints, stream: Clickstream
) -> pa.Table:
    inside = columns.t < EPOCH + ALL_DAYS * 86_400
    columns, kind = columns.take(inside), kind[inside]
    agent = np.where(kind == BOT, len(AGENTS) + columns.device % len(BOTS), columns.platform)
    utm = list(zip(*UTM_CHOICES, strict=True))
    return pa.table(
        {
            "time": columns.t,
            "serial": serial[inside],
            "kind": kind,
            "processed_ms": processed[inside],
            "user_id": columns.user,
            "workspace_id": columns.workspace,
            "event": _words(columns.event, EVENTS),
            "device_id": _words(columns.device, stream.devices),
            "platform": _words(columns.platform, PLATFORMS),
            "user_agent": _words(agent, AGENTS + BOTS),
            "url": _words(columns.url, stream.urls),
            "email": _words(columns.email, stream.emails),
            "utm_source": _words(columns.utm, utm[0]),
            "utm_medium": _words(columns.utm, utm[1]),
            "utm_campaign": _words(columns.utm, utm[2]),
        }
    )


def _words(number: Ints, words: tuple[str | None, ...] | list[str]) -> pa.DictionaryArray:
    """Words by number; a negative number and the word None become null."""
    missing = np.array([word is None for word in words] or [True])
    null = (number < 0) | missing[np.maximum(number, 0)]
    return pa.DictionaryArray.from_arrays(
        pa.array(np.maximum(number, 0).astype(np.int32), mask=null),
        pa.array([word or "" for word in words] or [""]),
    )
