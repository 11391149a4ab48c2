"""``/api/2.0/export``: whole days of events as newline-delimited JSON, streamed from the files."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.mixpanel.access import Access, query_error
from sandbox.vendors.mixpanel.store import Store

CHUNK_BYTES = 256 * 1024
MAX_ROWS = 100_000


@dataclass(frozen=True)
class _Question:
    first: date
    last: date
    events: frozenset[str] | None
    limit: int | None
    in_milliseconds: bool

    @property
    def everything(self) -> bool:
        return self.events is None and self.limit is None and not self.in_milliseconds


class Export:
    """The raw export of one store."""

    def __init__(
        self, store: Store, clock: VirtualClock, faults: FaultPlan, access: Access
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._access = access

    def export(self, call: Call) -> Response:
        """Answer one export call."""
        project_id = self._access.query_project(
            call, self._store.exports_per_second, self._store.exports_per_hour
        )
        question = self._question(call)
        days = (question.last - question.first).days + 1
        files = [
            file
            for offset in range(days)
            if (
                file := self._store.day_file(project_id, question.first + timedelta(days=offset))
            ).exists()
        ]
        packed = "gzip" in call.headers.get("accept-encoding", "").lower()
        if fault := self._faults.take("mixpanel", call.path, "terminated_early"):
            body = _cut(_lines(files, question), int(fault.params.get("lines", 10)))
            return _stream(_pack(body) if packed else body, packed=packed)
        if packed and question.everything:
            return _stream(_bytes(files), packed=bool(files))
        lines = _lines(files, question)
        return _stream(_pack(lines) if packed else lines, packed=packed)

    def _question(self, call: Call) -> _Question:
        first, last = _day(call, "from_date"), _day(call, "to_date")
        if first > last:
            raise Refusal(query_error(call, 400, "from_date cannot be later than to_date"))
        if last > self._clock.now().astimezone(UTC).date():
            raise Refusal(query_error(call, 400, "to_date cannot be later than today"))
        if call.query.get("where"):
            raise Refusal(query_error(call, 400, "where: expression cannot be evaluated"))
        return _Question(
            first=first,
            last=last,
            events=_event_names(call),
            limit=_limit(call),
            in_milliseconds=call.query.get("time_in_ms", "").lower() in {"true", "1"},
        )


def _day(call: Call, name: str) -> date:
    value = call.query.get(name)
    if not value:
        raise Refusal(query_error(call, 400, f"{name} is a required parameter"))
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Refusal(
            query_error(call, 400, f"{name}: '{value}' is not a date of the form YYYY-MM-DD")
        ) from None


def _event_names(call: Call) -> frozenset[str] | None:
    given = call.query.get("event")
    if given is None:
        return None
    try:
        names = json.loads(given)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refusal(query_error(call, 400, "event: must be a JSON list of event names"))
    return frozenset(names)


def _limit(call: Call) -> int | None:
    given = call.query.get("limit")
    if given is None:
        return None
    if not given.isdigit() or not 0 < int(given) <= MAX_ROWS:
        raise Refusal(query_error(call, 400, f"limit: must be from 1 to {MAX_ROWS}"))
    return int(given)


def _bytes(files: list[Path]) -> Iterator[bytes]:
    """The files as they are: gzip members one after the other are a valid gzip stream."""
    for file in files:
        with file.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk


def _lines(files: list[Path], question: _Question) -> Iterator[bytes]:
    """The lines that the question asks for; a line that is not JSON passes only unfiltered."""
    left = question.limit
    for file in files:
        with gzip.open(file, "rb") as source:
            for line in source:
                if left == 0:
                    return
                chosen = line if question.everything else _chosen(line, question)
                if chosen is None:
                    continue
                if left is not None:
                    left -= 1
                yield chosen


def _chosen(line: bytes, question: _Question) -> bytes | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None if question.events is not None else line
    if question.events is not None and event.get("event") not in question.events:
        return None
    if not question.in_milliseconds:
        return line
    event["properties"]["time"] *= 1000
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"


def _cut(lines: Iterator[bytes], keep: int) -> Iterator[bytes]:
    for position, line in enumerate(lines):
        if position == keep:
            break
        yield line
    yield b"terminated early\n"


def _pack(lines: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=31)  # 31: with a gzip header
    for line in lines:
        if packed := packer.compress(line):
            yield packed
    yield packer.flush()


def _stream(body: Iterator[bytes], *, packed: bool) -> Response:
    headers = {"content-encoding": "gzip"} if packed else {}
    return StreamingResponse(_large(body), media_type="text/plain", headers=headers)


def _large(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Parts gathered to chunks worth a write each."""
    gathered = bytearray()
    for part in parts:
        gathered += part
        if len(gathered) >= CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
