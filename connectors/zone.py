"""The landing zone: durable files that a load leaves behind, and the history of every source.

    <zone>/<source>/<stream>/<load_id>/part-00001.ndjson.gz
                                       part-00002.parquet
                                       manifest.json

Parts are synced to disk before the manifest, and the manifest is renamed into place last: a folder
with a manifest is a whole load, one without is an abandoned extraction and is swept away.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.stream import Stream
from headwater.errors import RetryableError, SourceDataError

MANIFEST = "manifest.json"
LINES = "ndjson.gz"
PARQUET = "parquet"


class Kind(StrEnum):
    """What the records of a part say."""

    RECORDS = "records"
    TOMBSTONES = "tombstones"  # only the key of a record that is gone, and since when


class Part(BaseModel):
    """One file of a load: its name, size in bytes and digest."""

    model_config = ConfigDict(frozen=True)

    file: str
    kind: Kind
    rows: int
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What one load holds and between which cursors. ``timezone`` is the source's own clock."""

    model_config = ConfigDict(frozen=True)

    load_id: str
    source: str
    stream: str
    cycle_id: str
    started_at: datetime
    received_at: datetime
    cursor_before: str | None
    cursor_after: str | None
    timezone: str
    calls: int
    parts: tuple[Part, ...]

    @property
    def received(self) -> int:
        """Records in all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def bytes(self) -> int:
        """Size of all parts on disk."""
        return sum(part.bytes for part in self.parts)


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
    """The folder of a load that is being extracted."""

    path: Path
    load_id: str
    stream: Stream
    parts: list[Part] = field(default_factory=list)

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
            Part(file=path.name, kind=kind, rows=rows, bytes=size, sha256=_digest(path))
        )

    def write_records(
        self, pages: Iterable[Iterable[Mapping[str, Any]]], kind: Kind = Kind.RECORDS
    ) -> int:
        """Write pages of JSON records as one part of compressed lines; returns their number."""
        path = self.new_part(LINES)
        rows = 0
        with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
            for page in pages:
                for record in page:
                    file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
                    file.write("\n")
                    rows += 1
        self.seal(path, rows, kind)
        return rows

    def extracted(self, *, calls: int, cursor: str | None, timezone: str = "UTC") -> Extracted:
        """The account of what was sealed so far."""
        return Extracted(
            received=sum(part.rows for part in self.parts),
            bytes=sum(part.bytes for part in self.parts),
            calls=calls,
            cursor=cursor,
            timezone=timezone,
        )

    def commit(self, manifest: Manifest) -> None:
        """Write the manifest: from here on the load counts."""
        draft = self.path / f"{MANIFEST}.part"
        with draft.open("w", encoding="utf-8") as file:
            file.write(manifest.model_dump_json(indent=2))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path / MANIFEST)
        _sync_folder(self.path)
        _sync_folder(self.path.parent)


@dataclass(frozen=True)
class Zone:
    """The landing zone below ``root``."""

    root: Path

    def folder(self, stream: Stream) -> Path:
        """The folder of all loads of a stream."""
        return self.root / stream.source / stream.name

    @contextmanager
    def hold(self, stream: Stream) -> Iterator[None]:
        """Keep other processes from extracting the same stream meanwhile.

        Raises :class:`headwater.errors.RetryableError` when one already does.
        """
        folder = self.folder(stream)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RetryableError(
                    f"{stream.source}.{stream.name} is being extracted by another process.",
                    next_step="Wait for its cycle to end.",
                ) from error
            yield

    def manifests(self, stream: Stream) -> Iterator[tuple[Path, Manifest]]:
        """Every whole load of a stream with its folder, oldest first."""
        folder = self.folder(stream)
        if not folder.exists():
            return
        for path in sorted(folder.iterdir()):
            if (path / MANIFEST).exists():
                yield path, read_manifest(path)

    def sweep(self, stream: Stream) -> int:
        """Remove abandoned extractions of a stream; returns how many there were."""
        folder = self.folder(stream)
        abandoned = [
            path
            for path in (folder.iterdir() if folder.exists() else ())
            if path.is_dir() and not (path / MANIFEST).exists()
        ]
        for path in abandoned:
            shutil.rmtree(path)
        return len(abandoned)

    def open_load(self, stream: Stream, landed: Iterable[str]) -> LoadFolder:
        """A new, empty load folder.

        Load ids are numbered per stream, past every folder here and every id in ``landed``, so
        that their order as text is the order in which loads were received.
        """
        folder = self.folder(stream)
        folder.mkdir(parents=True, exist_ok=True)
        prefix = f"{stream.source}-{stream.name}-"
        known = [*landed, *(path.name for path in folder.iterdir())]
        numbers = [int(name.removeprefix(prefix)) for name in known if name.startswith(prefix)]
        load_id = f"{prefix}{max(numbers, default=0) + 1:08d}"
        path = folder / load_id
        path.mkdir()
        return LoadFolder(path=path, load_id=load_id, stream=stream)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a load folder.

    Raises :class:`headwater.errors.SourceDataError` when it cannot be read.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise SourceDataError(
            f"The manifest of {folder} cannot be read: {error}",
            next_step="Restore it, or remove the folder so that the load is extracted again.",
        ) from error


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare the parts of a load with the digests taken when they were written.

    Raises :class:`headwater.errors.SourceDataError` naming the first part that is missing or not
    what it was.
    """
    for part in manifest.parts:
        path = folder / part.file
        found = _digest(path) if path.exists() else None
        if found != part.sha256:
            raise SourceDataError(
                f"{manifest.load_id}: {part.file} "
                f"{'is missing' if found is None else 'is not what was written'}.",
                next_step=f"Restore {path} from a copy, or remove this load's folder and those of "
                "the stream's later loads, so that they are extracted again.",
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
