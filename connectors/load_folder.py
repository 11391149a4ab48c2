"""The folder of a load while it is extracted: its parts, and how far the extraction has come.

An extraction goes step by step (a listing, a day, a bulk job), and within a step page by page. What
is finished is written down in ``checkpoint.json``, after the part that holds it is durable and
before the next page is asked for. So an extraction that was cut off, by a crash, a quota or a
network, goes on behind its last finished page; only the page in flight is fetched twice.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.stream import Stream
from headwater.durable_file import write_durably

CHECKPOINT = "checkpoint.json"
LINES = "ndjson.gz"
PARQUET = "parquet"
PART_BYTES = 128 * 1024 * 1024
"""Pages go into a new part from this compressed size on."""

Record = Mapping[str, Any]
Page = tuple[Iterable[Record] | bytes, Any]
"""The records of a page, or whole lines that hold them, and the token with which a source goes on
behind it (anything JSON)."""


class Kind(StrEnum):
    """What the records of a part say."""

    RECORDS = "records"
    TOMBSTONES = "tombstones"  # only the key of a record that is gone, and since when
    KEYS = "keys"  # Parquet: the keys of all records that the source holds, no records


class Part(BaseModel):
    """One file of a load: its name, size in bytes and digest. ``erased`` records that it held are
    not in it any more, since they were somebody's who was erased; ``rows`` are those it holds."""

    model_config = ConfigDict(frozen=True)

    file: str
    kind: Kind
    rows: int
    bytes: int
    sha256: str
    erased: int = 0


class Step(BaseModel):
    """How far a step has come: behind which page, and whether that was the last one."""

    token: Any = None
    is_done: bool = False


class OpenPart(BaseModel):
    """A part that pages are still added to: what it holds of finished pages."""

    step: str
    file: str
    rows: int
    bytes: int


class Checkpoint(BaseModel):
    """What an extraction has finished. ``request`` is a digest of what was asked for: only the same
    request goes on from here. ``started_at`` is when it was first asked."""

    request: str
    lane: str
    started_at: datetime
    parts: list[Part] = []
    open_part: OpenPart | None = None
    steps: dict[str, Step] = {}


@dataclass(frozen=True)
class Extracted:
    """What an extraction brought: records, bytes on disk, calls made, the next cursor, and the
    time zone of clocks that name none."""

    received: int
    bytes: int
    calls: int
    cursor: str | None
    timezone: str = "UTC"


@dataclass
class LoadFolder:
    """The folder of a load that is being extracted, by one thread.

    ``started_at`` is when the extraction was begun, by whichever process: the horizon of what is
    read. A source that takes the present instead would, after a crash, move its cursor past changes
    to the pages that it read before.
    """

    path: Path
    load_id: str
    stream: Stream
    progress: Checkpoint
    parts: list[Part] = field(default_factory=list)

    @property
    def started_at(self) -> datetime:
        """When this extraction was first begun, UTC."""
        return self.progress.started_at

    def new_part(self, extension: str) -> Path:
        """The path of the next part; whoever fills it hands it to :meth:`seal`."""
        return self.path / f"part-{len(self.parts) + 1:05d}.{extension}"

    def seal(self, path: Path, rows: int, kind: Kind = Kind.RECORDS) -> None:
        """Make a finished part durable and note it. A part without rows is thrown away."""
        if rows == 0:
            path.unlink(missing_ok=True)
            return
        with path.open("rb") as file:
            os.fsync(file.fileno())
        size = path.stat().st_size
        self.parts.append(
            Part(file=path.name, kind=kind, rows=rows, bytes=size, sha256=digest(path))
        )

    def write_records(self, pages: Iterable[Iterable[Record]], kind: Kind = Kind.RECORDS) -> int:
        """Write pages of JSON records as one part of compressed lines; returns their number.

        For what comes in one call: after a crash all of it is asked for again. See
        :meth:`write_pages`.
        """
        path = self.new_part(LINES)
        rows = 0
        with path.open("wb") as file:
            for page in pages:
                rows += _write_member(file, page)
        self.seal(path, rows, kind)
        return rows

    def write_pages(
        self, step: str, pages: Callable[[Any], Iterable[Page]], kind: Kind = Kind.RECORDS
    ) -> Any:
        """Write a step's pages of JSON records, each remembered as soon as it is durable.

        ``pages`` is given the token behind which to go on, None at the beginning, and yields the
        records of each page with the token that leads behind it. It isn't called for a step that
        is done. Returns the last token; None if no page ever came.
        """
        state = self._step(step)
        if state.is_done:
            return state.token
        coming = iter(pages(state.token))
        is_last = False
        while not is_last:
            is_last = self._fill_part(step, coming, kind)
        self.finish(step, self._step(step).token)
        return self._step(step).token

    def token(self, step: str) -> Any:
        """Where a step goes on, as it was given to :meth:`checkpoint`; None if it never was."""
        return self._step(step).token

    def is_done(self, step: str) -> bool:
        """Whether a step was finished, now or before a crash."""
        return self._step(step).is_done

    def checkpoint(self, step: str, token: Any) -> None:
        """Remember that ``step`` came as far as ``token`` says; what is sealed so far is kept."""
        self.progress.steps[step] = Step(token=token)
        self._save()

    def finish(self, step: str, token: Any = None) -> None:
        """Remember that ``step`` is done; what is sealed so far is kept."""
        self.progress.steps[step] = Step(token=token, is_done=True)
        self._save()

    def extracted(self, *, calls: int, cursor: str | None, timezone: str = "UTC") -> Extracted:
        """The account of what was sealed so far."""
        return Extracted(
            received=sum(part.rows for part in self.parts if part.kind is not Kind.KEYS),
            bytes=sum(part.bytes for part in self.parts),
            calls=calls,
            cursor=cursor,
            timezone=timezone,
        )

    def _step(self, name: str) -> Step:
        return self.progress.steps.get(name, Step())

    def _fill_part(self, step: str, pages: Iterable[Page], kind: Kind) -> bool:
        """Write pages until the part is full; returns whether they ended before that."""
        part = self.progress.open_part
        if part is None or part.step != step:
            part = OpenPart(step=step, file=self.new_part(LINES).name, rows=0, bytes=0)
        path = self.path / part.file
        is_last = True
        with path.open("r+b" if part.bytes else "wb") as file:
            file.truncate(part.bytes)  # of a page in flight when a crash came
            file.seek(part.bytes)
            for records, token in pages:
                rows = part.rows + _write_member(file, records)
                file.flush()
                os.fsync(file.fileno())
                part = part.model_copy(update={"rows": rows, "bytes": file.tell()})
                self.progress.open_part = part
                self.checkpoint(step, token)
                if part.bytes >= PART_BYTES:
                    is_last = False
                    break
        self.seal(path, part.rows, kind)
        self.progress.open_part = None
        self.checkpoint(step, self._step(step).token)
        return is_last

    def _save(self) -> None:
        self.progress.parts = list(self.parts)
        write_durably(self.path / CHECKPOINT, self.progress.model_dump_json())


def resumed(path: Path, stream: Stream, request: str) -> LoadFolder | None:
    """The extraction that was cut off in ``path``, less the page that was in flight.

    None when nothing was finished there, it was asked for something else, or it lost files.
    """
    progress = read_checkpoint(path)
    if progress is None or not progress.steps or progress.request != request:
        return None
    sizes = {part.file: part.bytes for part in progress.parts}
    if progress.open_part is not None:
        sizes[progress.open_part.file] = progress.open_part.bytes
    present = {file.name: file.stat().st_size for file in path.iterdir()}
    if any(present.get(name, -1) < size for name, size in sizes.items()):
        return None
    for name in present.keys() - sizes.keys() - {CHECKPOINT}:
        (path / name).unlink()
    return LoadFolder(path, path.name, stream, progress, parts=list(progress.parts))


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint of a folder, None where there is none that can be read."""
    try:
        return Checkpoint.model_validate_json((path / CHECKPOINT).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def digest(path: Path) -> str:
    """The SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_member(file: BinaryIO, records: Iterable[Record] | bytes) -> int:
    """Add records as compressed lines: a gzip file may have many members, one after the other."""
    if isinstance(records, bytes):
        if records:
            file.write(gzip.compress(records, compresslevel=1, mtime=0))
        return records.count(b"\n")
    rows = 0
    lines = []
    for record in records:
        lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
        rows += 1
    if rows:
        lines.append("")
        file.write(gzip.compress("\n".join(lines).encode(), compresslevel=1, mtime=0))
    return rows
