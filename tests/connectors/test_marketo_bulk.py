"""The windows and the files of Marketo's bulk extract, against oracles."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.marketo.bulk import csv_to_lines, windows

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20)


@settings(deadline=None)
@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=200)))
def test_windows_cover_every_second_once_and_are_never_too_long(
    since: datetime, length: timedelta
) -> None:
    until = (since + length).replace(microsecond=0)
    found = [
        (datetime.fromisoformat(start), datetime.fromisoformat(end))
        for start, end in windows(since, until)
    ]
    since = since.replace(microsecond=0)
    if since > until:
        assert found == []
        return
    assert (found[0][0], found[-1][1]) == (since, until)
    for (_, end), (start, _) in pairwise(found):
        assert start - end == timedelta(seconds=1)
    assert all(timedelta(0) <= end - start <= timedelta(days=31) for start, end in found)


@settings(deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=20))
def test_a_file_becomes_the_lines_that_the_csv_module_reads(table: list[list[str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "first name", "attributes"])
    writer.writerows(table)
    with tempfile.TemporaryDirectory() as folder:
        file, part = Path(folder, "export.csv"), Path(folder, "part.ndjson.gz")
        file.write_text(text.getvalue(), encoding="utf-8", newline="")
        assert csv_to_lines(file, part, ()) == len(table)
        lines = gzip.decompress(part.read_bytes()).splitlines() if table else []
    found = [json.loads(line) for line in lines]
    assert [[row["id"], row["first name"], row["attributes"]] for row in found] == [
        [None if cell == "null" else cell for cell in row] for row in table
    ]


def test_json_in_a_cell_becomes_part_of_the_record_and_other_text_stays_text(
    tmp_path: Path,
) -> None:
    file, part = tmp_path / "export.csv", tmp_path / "part.ndjson.gz"
    file.write_text('id,attributes\n1,"{""a b"":""c""}"\n2,broken {\n3,null\n')
    assert csv_to_lines(file, part, ("attributes",)) == 3
    found = [json.loads(line) for line in gzip.decompress(part.read_bytes()).splitlines()]
    assert [row["attributes"] for row in found] == [{"a b": "c"}, "broken {", None]
