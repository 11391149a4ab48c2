"""Whole lines of one file, in chunks: decompressed, with the file's name in each record.

A file may be read while another program writes it. Only as much of it is read as was there when
it was listed, and an end that is missing (half a line, half a compressed stream) is left for the
next time. When it is missing then, too, without the file having changed, it is taken for what it
is: half a line is handed on, and so is a line that says where a compressed stream breaks off.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pyarrow as pa

from connectors.event_files.files import EventFile, Location, explained

CHUNK_BYTES = 8 * 1024 * 1024
SMALL_STEPS = (64 * 1024, 1)
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
"""How compressed files begin: their names don't always tell."""
FIRST_BYTES = 1024 * 1024
"""Read at first: most files of a bucket are there with one call then."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANK_LINES = re.compile(rb"(?m)^[ \t\r]*\n")


@dataclass
class EventLines:
    """Reads one file. ``is_last_try`` says that its missing end was waited for already.

    After :meth:`chunks` has ended, ``is_unfinished`` says whether an end was left out.
    """

    location: Location
    file: EventFile
    is_last_try: bool
    is_unfinished: bool = field(default=False, init=False)

    def chunks(self, offset: int = 0) -> Iterator[tuple[bytes, int]]:
        """Whole lines from ``offset`` (in bytes of text) on, with the offset behind them.

        Raises :class:`headwater.errors.VendorUnavailableError` when the file system fails. A file
        that is gone has no lines.
        """
        rest, end = b"", offset
        broken: str | None = None
        texts = self._texts(offset)
        while True:
            try:
                text = next(texts)
            except StopIteration:
                break
            except OSError as error:  # of the decompression: the file's own are explained
                broken = str(error)
                break
            whole, newline, rest_of_text = text.rpartition(b"\n")
            if not newline:
                rest += text
                continue
            lines = rest + whole + newline
            end += len(lines)
            rest = rest_of_text
            yield self._named(lines), end
        if broken is not None:
            rest += self._readable_behind(end + len(rest)) if self.is_last_try else b""
        yield from self._end(rest, end, broken)

    def _end(self, rest: bytes, end: int, broken: str | None) -> Iterator[tuple[bytes, int]]:
        """What stands behind the last newline."""
        is_whole = broken is None and (not rest.strip() or _is_record(rest))
        if not is_whole and not self.is_last_try:
            self.is_unfinished = True
            return
        behind = end + len(rest)
        lines = rest + b"\n" if rest.strip() else b""
        if broken is not None:
            note = f"{self.file.name}: the compressed text ends after {behind} bytes ({broken})."
            lines += note.encode() + b"\n"
        if lines:
            yield self._named(lines), behind

    def _named(self, lines: bytes) -> bytes:
        """The lines less blank ones, with the file's name as the first field of each record."""
        name = json.dumps(self.file.name, ensure_ascii=False).encode()
        kept = BLANK_LINES.sub(b"", lines.removeprefix(BYTE_ORDER_MARK))
        return (b"\n" + kept).replace(b'\n{"', b'\n{"_file":' + name + b',"')[1:]

    def _texts(self, offset: int) -> Iterator[bytes]:
        with self._open() as stream:
            _skip(stream, offset)
            while text := stream.read(CHUNK_BYTES):
                yield text

    def _readable_behind(self, offset: int) -> bytes:
        """The last bytes before a compressed stream breaks off, of which a large read gives none:
        read in small steps, then in the smallest."""
        found = b""
        for step in SMALL_STEPS:
            with self._open() as stream, suppress(OSError):  # it breaks off here, as is known
                _skip(stream, offset + len(found))
                while text := stream.read(step):
                    found += text
        return found

    def _open(self) -> pa.NativeFile:
        listed = _Listed(self.location, self.file)
        raw = pa.PythonFile(listed, mode="r")
        codec = next((codec for magic, codec in MAGIC.items() if listed.begins_with(magic)), None)
        return raw if codec is None else pa.CompressedInputStream(raw, codec)


class _Listed(io.RawIOBase):
    """The bytes of a file that were there when it was listed."""

    def __init__(self, location: Location, file: EventFile) -> None:
        self._where = f"{location.shown}: {file.name}"
        path = f"{location.path.rstrip('/')}/{file.name}"
        try:
            self._stream = location.filesystem.open_input_stream(path, compression=None)
        except FileNotFoundError:  # removed since it was listed
            self._stream = pa.BufferReader(b"")
        except OSError as error:
            raise explained(error, self._where) from error
        self._left = file.size
        self._begin = self._read(min(file.size, FIRST_BYTES))

    def begins_with(self, magic: bytes) -> bool:
        """Whether the file begins so; to be asked before anything is read."""
        return self._begin.startswith(magic)

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, nothing at the end."""
        wanted = self._left + len(self._begin) if size < 0 else size
        begin, self._begin = self._begin[:wanted], self._begin[wanted:]
        return begin + self._read(min(wanted - len(begin), self._left))

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()
        super().close()

    def _read(self, size: int) -> bytes:
        try:
            found: bytes = self._stream.read(size)
        except OSError as error:
            raise explained(error, self._where) from error
        self._left -= len(found)
        return found


def _skip(stream: pa.NativeFile, offset: int) -> None:
    while offset > 0:
        passed = len(stream.read(min(offset, CHUNK_BYTES)))
        if passed == 0:
            return
        offset -= passed


def _is_record(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
