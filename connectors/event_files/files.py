"""The files below a folder or bucket path: which there are, and what each is known by."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from headwater.errors import CredentialError, HeadwaterError, SettingsError, VendorUnavailableError
from headwater.system_settings import EventFilesSettings

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

ENDINGS = (".json", ".ndjson", ".jsonl", ".gz", ".zst")
"""Of files that are read. Archives of Segment end in .gz alone."""
UNFINISHED = (".", "_")
"""How the names begin of files that another program is still writing, or keeps for itself."""
DIGITS = 12
REFUSED = re.compile(
    r"AWS Error (ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_\w+|INVALID_SIGNATURE|"
    r"INVALID_CLIENT_TOKEN_ID|MISSING_AUTHENTICATION_TOKEN|EXPIRED_TOKEN)\b|"
    r"HTTP status 40[13]\b|PERMISSION_?DENIED|UNAUTHENTICATED|\[errno 13\]",
    re.IGNORECASE,
)
"""What says, in the errors of the file systems, that a key is wrong or a right is missing."""


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
    import pyarrow as pa
    from pyarrow.fs import FileSystem

    try:
        filesystem, path = FileSystem.from_uri(_with_keys(settings))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise SettingsError(
            f"EVENT_FILES_LOCATION cannot be opened: {settings.location} ({type(error).__name__}).",
            next_step="Write it as file:///folder, s3://bucket/path or gs://bucket/path; "
            ".env.example shows the options of each.",
        ) from None
    return Location(filesystem, path, settings.location.partition("?")[0])


def explained(error: OSError, where: str) -> HeadwaterError:
    """An error of a file system, as one that says whether it may pass."""
    text = str(error)
    if REFUSED.search(text):
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


def _with_keys(settings: EventFilesSettings) -> str:
    """The location with its keys, as the file system wants them."""
    if settings.access_key_id is None and settings.secret_access_key is None:
        return settings.location
    if settings.access_key_id is None or settings.secret_access_key is None:
        raise SettingsError(
            "EVENT_FILES_ACCESS_KEY_ID and EVENT_FILES_SECRET_ACCESS_KEY go together, and one of "
            "them is missing.",
            next_step="Set both, or neither for the machine's own credentials.",
        )
    parts = urlsplit(settings.location)
    secret = settings.secret_access_key.get_secret_value()
    keys = f"{quote(settings.access_key_id, safe='')}:{quote(secret, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{keys}@{parts.netloc}"))
