"""Files of events in a folder or bucket: what is new or changed is read, file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TypedDict

from connectors.event_files.cursor import Seen, seen
from connectors.event_files.files import EventFile, Location, digest, open_location
from connectors.event_files.lines import EventLines
from connectors.event_files.streams import STREAMS
from connectors.load_folder import Extracted, LoadFolder, Page
from connectors.stream import Stream
from headwater.budget import call_budget
from headwater.clock import Clock
from headwater.errors import QuotaExhaustedError
from headwater.settings import Settings
from headwater.system_settings import EventFilesSettings

FILES_PER_STEP = 200
PAGE_BYTES = 4 * 1024 * 1024
"""Text of small files that is put together, so that not each of them is a page of its own."""


class Progress(TypedDict):
    """How far a step is read: so many files, the one behind them up to ``offset`` (in bytes of its
    text), and the digests of those that were read and have no end yet."""

    done: int
    offset: int
    unfinished: list[str]


@dataclass
class EventFilesSource:
    """The files of events below one location."""

    settings: Settings
    event_files: EventFilesSettings
    name: str = "event_files"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1
    calls: int = 0

    def __post_init__(self) -> None:
        self._budget = call_budget(self.name, self.settings)

    @cached_property
    def location(self) -> Location:
        """The folder or bucket path."""
        return open_location(self.event_files)

    def check(self) -> None:
        """Look whether the location is there and may be listed."""
        self._spend_call()
        self.location.check()

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Read the files that ``cursor`` doesn't know, oldest first."""
        del stream, clock
        calls_before = self.calls
        before = Seen.model_validate_json(cursor) if cursor is not None else Seen()
        self._spend_call()
        listed = self.location.files()
        waited_for = frozenset(before.unfinished)
        unfinished: set[str] = set()
        remaining = iter(before.unread(listed))
        while files := tuple(islice(remaining, FILES_PER_STEP)):
            step = digest("".join(file.digest for file in files))
            token = folder.write_pages(step, self._pages(files, waited_for))
            unfinished.update(token["unfinished"])
        return folder.extracted(
            calls=self.calls - calls_before,
            cursor=seen(listed, unfinished).model_dump_json(),
        )

    def close(self) -> None:
        """Nothing is kept open."""

    def _spend_call(self) -> None:
        if self._budget is not None:
            self._budget.spend()
        self.calls += 1

    def _pages(
        self, files: Sequence[EventFile], waited_for: frozenset[str]
    ) -> Callable[[Progress | None], Iterator[Page]]:
        """The lines of a step's files, in pages that hold several small files or a part of one."""

        def pages(token: Progress | None) -> Iterator[Page]:
            at = token or Progress(done=0, offset=0, unfinished=[])
            held: list[bytes] = []
            for number, file in enumerate(files[at["done"] :], at["done"]):
                try:
                    self._spend_call()
                except QuotaExhaustedError:
                    yield b"".join(held), at
                    raise
                reader = EventLines(self.location, file, file.digest in waited_for)
                for lines, end in reader.chunks(at["offset"]):
                    held.append(lines)
                    at = Progress(done=number, offset=end, unfinished=at["unfinished"])
                    if sum(map(len, held)) >= PAGE_BYTES:
                        yield b"".join(held), at
                        held = []
                missing = [file.digest] if reader.is_unfinished else []
                at = Progress(done=number + 1, offset=0, unfinished=[*at["unfinished"], *missing])
            yield b"".join(held), at

        return pages
