"""Files of events in a folder or bucket: what is new or changed is read, file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from connectors.event_files.cursor import Seen, seen
from connectors.event_files.files import EventFile, Location, digest, open_location
from connectors.event_files.lines import EventLines
from connectors.event_files.streams import STREAMS
from connectors.load_folder import Extracted, LoadFolder, Page
from connectors.stream import Stream
from headwater.clock import Clock
from headwater.settings import EventFilesSettings, Settings

FILES_PER_STEP = 200


@dataclass
class EventFilesSource:
    """The files of events below one location."""

    settings: Settings
    event_files: EventFilesSettings
    name: str = "event_files"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1

    @cached_property
    def location(self) -> Location:
        """The folder or bucket path."""
        return open_location(self.event_files)

    def check(self) -> None:
        """Look whether the location is there and may be listed."""
        self.location.check()

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Read the files that ``cursor`` doesn't know, oldest first."""
        del stream, clock
        before = Seen.model_validate_json(cursor) if cursor is not None else Seen()
        listed = self.location.files()
        waited_for = frozenset(before.unfinished)
        unread = before.unread(listed)
        unfinished: set[str] = set()
        remaining = iter(unread)
        while files := tuple(islice(remaining, FILES_PER_STEP)):
            step = digest("".join(file.digest for file in files))
            token = folder.write_pages(step, self._pages(files, waited_for))
            unfinished.update(token["unfinished"])
        return folder.extracted(
            calls=len(unread) + 1, cursor=seen(listed, unfinished).model_dump_json()
        )

    def close(self) -> None:
        """Nothing is kept open."""

    def _pages(
        self, files: Sequence[EventFile], waited_for: frozenset[str]
    ) -> Callable[[dict[str, object] | None], Iterator[Page]]:
        """The lines of a step's files, one page per chunk of lines.

        The token: how many files are done, how far (in bytes of text) the one behind them is
        read, and which of those that are done have no end yet.
        """

        def pages(token: dict[str, object] | None) -> Iterator[Page]:
            done, offset, unfinished = 0, 0, list[str]()
            if token is not None:
                done, offset = int(str(token["done"])), int(str(token["offset"]))
                unfinished = list(token["unfinished"])  # type: ignore[call-overload]
            for number, file in enumerate(files[done:], done):
                reader = EventLines(self.location, file, file.digest in waited_for)
                for lines, end in reader.chunks(offset):
                    yield lines, {"done": number, "offset": end, "unfinished": unfinished}
                if reader.is_unfinished:
                    unfinished = [*unfinished, file.digest]
                offset = 0
                yield b"", {"done": number + 1, "offset": 0, "unfinished": unfinished}

        return pages
