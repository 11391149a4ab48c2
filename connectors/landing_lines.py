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
    rest = b""
    with pa.input_stream(str(path), compression="detect") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            whole, newline, rest_of_chunk = chunk.rpartition(b"\n")
            if not newline:
                rest += chunk
                continue
            batch = _batch(rest + whole, number)
            rest = rest_of_chunk
            number += batch.num_rows
            yield batch
    if rest:
        yield _batch(rest, number)


def _batch(text: bytes, number: int) -> pa.RecordBatch:
    lines = pc.split_pattern(pa.array([text], pa.large_binary()), pattern="\n").flatten()
    numbers = pa.array(range(number, number + len(lines)), pa.int64())
    return pa.RecordBatch.from_arrays([numbers, _text(lines)], schema=SCHEMA)


def _text(lines: pa.Array) -> pa.Array:
    try:
        return lines.cast(pa.large_string()).cast(pa.string())
    except pa.ArrowInvalid:
        # Bytes that are not UTF-8 are shown as \xNN, which no JSON allows: such a line is
        # quarantined with what it held.
        return pa.array(
            [line.decode("utf-8", "backslashreplace") for line in lines.to_pylist()], pa.string()
        )
