"""Reads parts of compressed lines as Arrow batches of text: one row per line, whatever it holds.

A line is not parsed here, so that a malformed one is a row to be judged and not a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

CHUNK_BYTES = 2 * 1024 * 1024
SCHEMA = pa.schema([("line_number", pa.int64()), ("record", pa.string())])


def line_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Batches of ``line_number`` (from 1) and ``record`` of a text file, plain, gzip or zstd."""
    number = 1
    buffer = bytearray(CHUNK_BYTES)
    kept = 0  # bytes of a line that has not ended yet, at the beginning of the buffer
    with pa.input_stream(str(path), compression="detect") as stream:
        while read := stream.readinto(memoryview(buffer)[kept:]):
            filled = kept + read
            end = buffer.rfind(b"\n", kept, filled)
            if end < 0:
                kept = filled
                if kept == len(buffer):
                    buffer = buffer + bytes(len(buffer))
                continue
            batch = _batch(buffer, end, number)
            kept = filled - end - 1
            buffer[:kept] = buffer[end + 1 : filled]
            number += batch.num_rows
            yield batch
    if kept:
        yield _batch(buffer, kept, number)


def _batch(buffer: bytearray, end: int, number: int) -> pa.RecordBatch:
    """The lines of a buffer up to ``end``. They are copied once, here: the buffer is used again."""
    whole = [None, pa.array([0, end], pa.int32()).buffers()[1], pa.py_buffer(buffer)]
    text = pa.Array.from_buffers(pa.binary(), 1, whole)
    lines = pc.split_pattern(text, pattern="\n").flatten()
    numbers = pa.array(range(number, number + len(lines)), pa.int64())
    return pa.RecordBatch.from_arrays([numbers, _text(lines)], schema=SCHEMA)


def _text(lines: pa.Array) -> pa.Array:
    try:
        return lines.cast(pa.string())
    except pa.ArrowInvalid:
        # Bytes that are not UTF-8 are shown as \xNN, which no JSON allows: such a line is
        # quarantined with what it held.
        return pa.array(
            [line.decode("utf-8", "backslashreplace") for line in lines.to_pylist()], pa.string()
        )
