"""The landing zone: durable files that a load leaves behind, and the history of every source.

    <zone>/<source>/<stream>/<load_id>/part-00001.ndjson.gz
                                       part-00002.parquet
                                       manifest.json

Parts are synced to disk before the manifest, and the manifest is renamed into place last: a folder
with a manifest is a whole load. One without is an extraction that runs, or was cut off: it goes on
when the same is asked for again (:mod:`connectors.load_folder`) and is swept away otherwise.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.load_folder import (
    CHECKPOINT,
    LINES,
    PARQUET,
    Checkpoint,
    Extracted,
    Kind,
    LoadFolder,
    Part,
    digest,
    read_checkpoint,
    resumed,
)
from connectors.stream import Stream
from headwater.durable_file import sync_folder, write_durably
from headwater.errors import (
    CredentialError,
    QuotaExhaustedError,
    RetryableError,
    SourceDataError,
)

__all__ = [
    "CYCLE",
    "LINES",
    "MANIFEST",
    "PARQUET",
    "Extracted",
    "Kind",
    "LoadFolder",
    "Manifest",
    "Part",
    "Zone",
    "read_manifest",
    "verify",
    "zone_of",
]

MANIFEST = "manifest.json"
CYCLE = "cycle"
"""The lane of the regular extractions, whose loads move the cursor."""
BACKFILL = "backfill"
"""Held by a backfill of a stream as long as it runs; it extracts in lanes ``backfill-1`` and on,
and lands their loads by itself."""
GOES_ON = (RetryableError, QuotaExhaustedError, CredentialError, OSError)
"""After these an extraction goes on where it was. After others its tokens may be what is wrong."""


class Manifest(BaseModel):
    """What one load holds and between which cursors. ``timezone`` is the source's own clock.

    ``lane`` is ``cycle``, or the name of an extraction beside it, whose load moves no cursor.
    """

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
    lane: str = CYCLE
    parts: tuple[Part, ...]

    @property
    def received(self) -> int:
        """Records that the source sent, those of erased people among them."""
        return self.erased + sum(part.rows for part in self.parts if part.kind is not Kind.KEYS)

    @property
    def erased(self) -> int:
        """Records that were taken out of the parts, since they were somebody's who was erased."""
        return sum(part.erased for part in self.parts if part.kind is not Kind.KEYS)

    @property
    def bytes(self) -> int:
        """Size of all parts on disk."""
        return sum(part.bytes for part in self.parts)


@dataclass(frozen=True)
class Zone:
    """The landing zone below ``root``."""

    root: Path

    def folder(self, stream: Stream) -> Path:
        """The folder of all loads of a stream."""
        return self.root / stream.source / stream.name

    @contextmanager
    def extraction(
        self,
        stream: Stream,
        started_at: datetime,
        *,
        cursor: str | None,
        landed: Iterable[str],
        lane: str = CYCLE,
    ) -> Iterator[LoadFolder]:
        """The folder to extract into: that of an extraction of the same that was cut off, else a
        new one.

        One extraction runs at a time in each ``lane`` of a stream (letters, digits, dashes);
        different lanes don't touch each other's. When the block fails, what it finished is kept
        for the next try; not so where the vendor or the data refused it, which it may go on to do
        for as long as it is asked in the same way.
        Raises :class:`headwater.errors.RetryableError` when another process extracts.
        """
        with self.hold(stream, lane):
            folder = self._resumable(stream, lane, cursor)
            self._sweep(stream, lane, keep=folder)
            if folder is None:
                folder = self.open_load(stream, started_at, cursor=cursor, landed=landed, lane=lane)
            try:
                yield folder
            except GOES_ON:
                raise
            except Exception:
                shutil.rmtree(folder.path)
                raise

    @contextmanager
    def hold(self, stream: Stream, lane: str = CYCLE) -> Iterator[None]:
        """Keep other processes from extracting the same stream meanwhile in the same lane.

        Raises :class:`headwater.errors.RetryableError` when one already does.
        """
        folder = self.folder(stream)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f".{lane}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RetryableError(
                    f"{stream.source}.{stream.name} is being extracted by another process.",
                    next_step="Wait for its cycle to end.",
                ) from error
            yield

    def is_held(self, stream: Stream, lane: str) -> bool:
        """Whether a process holds the lane just now."""
        try:
            with self.hold(stream, lane):
                return False
        except RetryableError:
            return True

    def manifests(
        self, stream: Stream, *, without: Collection[str] = ()
    ) -> Iterator[tuple[Path, Manifest]]:
        """Every whole load of a stream with its folder, oldest first, those ``without`` aside:
        a zone keeps thousands of loads, and a cycle looks for the few that are new."""
        folder = self.folder(stream)
        if not folder.exists():
            return
        for path in sorted(folder.iterdir()):
            if path.name not in without and (path / MANIFEST).exists():
                yield path, read_manifest(path)

    def open_load(
        self,
        stream: Stream,
        started_at: datetime,
        *,
        cursor: str | None = None,
        landed: Iterable[str] = (),
        lane: str = CYCLE,
    ) -> LoadFolder:
        """A new load folder, empty but for its first checkpoint.

        Load ids are numbered per stream, past every folder here and every id in ``landed``, so
        that their order as text is the order in which loads were begun.
        """
        folder = self.folder(stream)
        folder.mkdir(parents=True, exist_ok=True)
        progress = Checkpoint(request=_request(stream, cursor), lane=lane, started_at=started_at)
        draft = folder / f".{lane}.draft"
        draft.mkdir(exist_ok=True)
        write_durably(draft / CHECKPOINT, progress.model_dump_json())
        prefix = f"{stream.source}-{stream.name}-"
        numbers = [0, *(_number(load_id, prefix) for load_id in landed)]
        while True:
            taken = [_number(path.name, prefix) for path in folder.iterdir()]
            load_id = f"{prefix}{max(numbers + taken) + 1:08d}"
            try:
                draft.rename(folder / load_id)
            except FileExistsError:  # another lane was faster
                continue
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise
                continue
            return LoadFolder(folder / load_id, load_id, stream, progress)

    def commit(self, folder: LoadFolder, manifest: Manifest) -> None:
        """Write the manifest: from here on the load counts."""
        write_durably(folder.path / MANIFEST, manifest.model_dump_json(indent=2))
        sync_folder(folder.path)
        sync_folder(folder.path.parent)
        (folder.path / CHECKPOINT).unlink()

    def _resumable(self, stream: Stream, lane: str, cursor: str | None) -> LoadFolder | None:
        """The extraction of the same that was cut off, if there is one."""
        for path in self._cut_off(stream, lane):
            folder = resumed(path, stream, _request(stream, cursor))
            if folder is not None:
                return folder
        return None

    def _sweep(self, stream: Stream, lane: str, keep: LoadFolder | None) -> None:
        """Remove the lane's extractions that were cut off and will not go on."""
        for path in self._cut_off(stream, lane):
            if keep is None or path != keep.path:
                shutil.rmtree(path)

    def _cut_off(self, stream: Stream, lane: str) -> Iterator[Path]:
        """Folders without a manifest; one that tells no lane is the cycle's."""
        for path in sorted(self.folder(stream).iterdir()):
            if not path.is_dir() or path.name.startswith(".") or (path / MANIFEST).exists():
                continue
            progress = read_checkpoint(path)
            if (progress.lane if progress else CYCLE) == lane:
                yield path


def _request(stream: Stream, cursor: str | None) -> str:
    """A digest of what is asked for: since when, and which fields."""
    asked = [cursor, *(".".join(column.path) for column in stream.columns)]
    return hashlib.md5(json.dumps(asked).encode(), usedforsecurity=False).hexdigest()


def _number(load_id: str, prefix: str) -> int:
    number = load_id.removeprefix(prefix)
    return int(number) if load_id.startswith(prefix) and number.isdecimal() else 0


def zone_of(folder: Path) -> Path:
    """The root of the zone that a load folder lies in."""
    return folder.parents[2]


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
        found = digest(path) if path.exists() else None
        if found != part.sha256:
            raise SourceDataError(
                f"{manifest.load_id}: {part.file} "
                f"{'is missing' if found is None else 'is not what was written'}.",
                next_step=f"Restore {path} from a copy, or remove this load's folder and those of "
                "the stream's later loads, so that they are extracted again.",
            )
