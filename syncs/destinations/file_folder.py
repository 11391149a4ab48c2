"""The folder or bucket path that files are published to, each of them whole or not at all.

In a folder of this machine a file is written beside its place, brought to the disk and renamed; a
bucket shows an object once its upload is complete. Nobody reads half a file, killed writers or not.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.errors import (
    CredentialError,
    HeadwaterError,
    OutcomeUnknownError,
    SettingsError,
    VendorUnavailableError,
)
from headwater.file_location import is_refused, open_file_system
from headwater.system_settings import FilesSettings

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

RIGHTS = (
    "Check FILES_LOCATION, and FILES_ACCESS_KEY_ID and FILES_SECRET_ACCESS_KEY or the machine's "
    "own credentials: they need to list the bucket and to put objects."
)


@dataclass(frozen=True)
class Folder:
    """Where files are published. ``local`` is None for a bucket; ``shown`` is without keys."""

    filesystem: FileSystem
    path: str
    local: Path | None
    shown: str

    def check(self) -> None:
        """Prove that the folder is there and, on this machine, that it may be written.

        Raises :class:`SettingsError` where nothing is there, :class:`CredentialError` where it is
        refused. Nothing is written: of a bucket, the right to put is proven by the first file.
        """
        from pyarrow.fs import FileType

        # Below a bucket there are no folders, only names of objects that may not be there yet.
        path = self.path if self.local is not None else self.path.partition("/")[0]
        try:
            found = self.filesystem.get_file_info(path)
        except OSError as error:
            raise self._explained(error) from error
        if found.type is not FileType.Directory:
            what = "is a file" if found.type is FileType.File else "is not there"
            raise SettingsError(
                f"FILES_LOCATION: {self.shown} {what}.",
                next_step="Name a folder or bucket path that exists; it is not made here, so that "
                "a mistyped or unmounted one is noticed.",
            )
        if self.local is not None and not os.access(self.local, os.W_OK | os.X_OK):
            raise CredentialError(f"{self.shown} may not be written.", next_step=RIGHTS)

    def publish(self, draft: Path, name: str) -> None:
        """Make the content of ``draft`` the file ``name`` (a path below the folder).

        Raises :class:`OutcomeUnknownError` where the bucket's answer was lost: publishing the same
        content again is safe.
        """
        try:
            if self.local is None:
                self._upload(draft, name)
            else:
                _replace(draft, self.local / name)
        except OSError as error:
            raise self._explained(error, name) from error

    def _upload(self, draft: Path, name: str) -> None:
        import pyarrow as pa

        # One write of the whole content: a stream that fails in between is not completed.
        with (
            pa.memory_map(str(draft)) as content,
            self.filesystem.open_output_stream(f"{self.path.rstrip('/')}/{name}") as stream,
        ):
            stream.write(content.read_buffer())

    def _explained(self, error: OSError, name: str = "") -> HeadwaterError:
        where = f"{self.shown}/{name}".rstrip("/")
        if is_refused(error):
            return CredentialError(f"{where} may not be written: {error}", next_step=RIGHTS)
        if error.errno in {errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}:
            return SettingsError(
                f"{where} cannot be written: {error}",
                next_step="Check FILES_LOCATION and the `object` of the definition.",
            )
        if name and self.local is None:
            return OutcomeUnknownError(
                f"{where}: {error}",
                next_step="The file is published again, which leaves the same file.",
            )
        return VendorUnavailableError(
            f"{where} could not be written: {error}",
            next_step="The file that was there before is whole and stays; free space or mount the "
            "folder.",
        )


def open_folder(settings: FilesSettings) -> Folder:
    """The folder that the settings name; of a bucket nothing is asked yet."""
    from pyarrow.fs import LocalFileSystem

    filesystem, path = open_file_system(settings)
    local = Path(path) if isinstance(filesystem, LocalFileSystem) else None
    return Folder(filesystem, path, local, settings.account)


def _replace(draft: Path, target: Path) -> None:
    """Copy ``draft`` beside ``target`` and rename it; durable on return. Readers pass over names
    that begin with a dot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.draft")
    with draft.open("rb") as content, beside.open("wb") as copy:
        while part := content.read(1 << 20):
            copy.write(part)
        copy.flush()
        os.fsync(copy.fileno())
    beside.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
