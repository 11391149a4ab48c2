"""Lines come as they are in the file, however it is cut into chunks."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import landing_lines

PIECES = st.sampled_from([b"\n", b"{}", b"\xff", b"a" * 9, "é".encode(), b"\r"])


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=40), st.integers(1, 20), st.booleans())
def test_lines_do_not_depend_on_chunks(pieces: list[bytes], chunk: int, packed: bool) -> None:
    text = b"".join(pieces)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(landing_lines, "CHUNK_BYTES", chunk)
        path = Path(folder, f"part.ndjson{'.gz' if packed else ''}")
        path.write_bytes(gzip.compress(text) if packed else text)
        found = [
            line
            for batch in landing_lines.line_batches(path)
            for line in zip(*batch.to_pydict().values(), strict=True)
        ]
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    shown = [line.decode("utf-8", "backslashreplace") for line in lines]
    assert [line for _, line in found] == shown
    assert [number for number, _ in found] == list(range(1, len(shown) + 1))
