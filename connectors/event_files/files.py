"""The files below a folder or bucket path: which there are, and what each is known by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from headwater.errors import CredentialError, HeadwaterError, SettingsError, VendorUnavailableError
from headwater.file_location import is_refused, open_file_system
from headwater.system_settings import EventFilesSettings

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

ENDINGS = (".json", ".ndjson", ".jsonl", ".gz", ".zst")
"""Of files that are read. Archives of Segment end in .gz alone."""
UNFINISHED = (".", "_")
"""How the names begin of files that another program is still writing, or keeps for itself."""
DIGITS = 12


@dataclass(frozen=True, order=True)
class EventFile:
    """A file as it was listed, ordered by age: later ``modified_ns`` (since 1970) is newer."""

    modified_ns: int
    name: str
    size: int

    @cached_property
    def digest(self) -> str:
        """What this file with this content is known by: the stores of pyarrow show no checksum."""
        return digest(f"{self.name}|{self.size}|{self.modified_ns}")

    @cached_property
    def day(self) -> str:
        """The UTC day on which it was last changed."""
        return datetime.fromtimestamp(self.modified_ns // 10**9, UTC).date().isoformat()


def digest(text: str) -> str:
    """The md5 of a text, shortened."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:DIGITS]


@dataclass(frozen=True)
class Location:
    """A folder of an opened file system."""

    filesystem: FileSystem
    path: str
    shown: str

    def check(self) -> None:
        """Prove that the folder is there and may be listed.

        Raises :class:`headwater.errors.SettingsError` where nothing is there, and what
        :func:`explained` gives where the file system refuses.
        """
        from pyarrow.fs import FileType

        try:
            found = self.filesystem.get_file_info(self.path)
        except OSError as error:
            raise explained(error, self.shown) from error
        if found.type is not FileType.Directory:
            what = "is a file" if found.type is FileType.File else "is not there"
            raise SettingsError(
                f"EVENT_FILES_LOCATION: {self.shown} {what}.",
                next_step="Name the folder or bucket path that holds the files of events.",
            )

    def files(self) -> list[EventFile]:
        """All files of events below, oldest first."""
        from pyarrow.fs import FileSelector, FileType

        try:
            found = self.filesystem.get_file_info(FileSelector(self.path, recursive=True))
        except OSError as error:
            raise explained(error, self.shown) from error
        prefix = len(self.path.rstrip("/")) + 1
        return sorted(
            EventFile(info.mtime_ns or 0, info.path[prefix:], info.size)
            for info in found
            if info.type is FileType.File and _is_events(info.path[prefix:])
        )


def open_location(settings: EventFilesSettings) -> Location:
    """The folder that the settings name; of a bucket nothing is asked yet."""
    filesystem, path = open_file_system(settings)
    return Location(filesystem, path, settings.account)


def explained(error: OSError, where: str) -> HeadwaterError:
    """An error of a file system, as one that says whether it may pass."""
    text = str(error)
    if is_refused(error):
        return CredentialError(
            f"{where} may not be read: {text}",
            next_step="Check EVENT_FILES_LOCATION, and EVENT_FILES_ACCESS_KEY_ID and "
            "EVENT_FILES_SECRET_ACCESS_KEY or the machine's own credentials: they need to list "
            "and to read.",
        )
    return VendorUnavailableError(f"{where} could not be read: {text}")


def _is_events(name: str) -> bool:
    parts = name.split("/")
    return name.endswith(ENDINGS) and not any(part.startswith(UNFINISHED) for part in parts)
