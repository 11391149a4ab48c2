"""A sheet of another kind, declared as the README says, and how its lines become records."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import HttpUrl

from connectors.contract import Contract, column
from connectors.google_sheets.cells import FORMATS, SERIAL_EPOCH, as_date, plain
from connectors.google_sheets.client import SpreadsheetSource
from connectors.google_sheets.rows import Grid, Merged, records_of
from connectors.google_sheets.sheet import Sheet
from connectors.stream import Deletes, Mode, Stream
from connectors.zone import Zone
from headwater.clock import FixedClock
from headwater.errors import SourceDataError
from headwater.settings import Settings
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


class Quota(Contract):
    """One row per line of the sheet of sales quotas."""

    row_number: int = column("row_number", "Line.")
    rep: str = column("rep", "Who.")
    amount: int = column("amount", "How much, USD.")
    since: date | None = column("since", "From when on.")


def _sheet(name: str) -> Sheet:
    return Sheet(
        stream=Stream(
            source="quotas",
            name=name,
            contract=Quota,
            mode=Mode.SNAPSHOT,
            key=("row_number",),
            version=(),
            cursor="none",
            deletes=Deletes("lines that vanished"),
        ),
        headings={
            "rep": frozenset({"rep", "name"}),
            "amount": frozenset({"quota", "amount"}),
            "since": frozenset({"since", "from"}),
        },
        required=("rep", "amount"),
        dates=frozenset({"since"}),
    )


QUOTAS, OLD_QUOTAS = _sheet("quotas"), _sheet("old_quotas")


@dataclass(frozen=True)
class Spreadsheet:
    id: str
    service_account_file: Path
    base_url: HttpUrl


@pytest.fixture
def source(served: Served, tmp_path: Path) -> SpreadsheetSource:
    known = served.credentials["google"]
    key_file = tmp_path / "key.json"
    names = ("client_email", "private_key", "private_key_id")
    key = {"type": "service_account", "token_uri": f"{served.url}/google/token"}
    key_file.write_text(json.dumps({**key, **{name: known[name] for name in names}}))
    return SpreadsheetSource(
        settings=Settings(home=tmp_path / "var", http_retries=1),
        spreadsheet=Spreadsheet("quotas-2025", key_file, HttpUrl(f"{served.url}/google")),
        name="quotas",
        ranges={"quotas": "'This year''s'!B2:E", "old_quotas": "Old"},
        sheets=(QUOTAS, OLD_QUOTAS),
    )


def test_two_tabs_are_read_by_one_call_and_keep_their_own_lines(
    served: Served, source: SpreadsheetSource, tmp_path: Path
) -> None:
    store = served.stores["google"]
    amount = {"value": 250000, "shown": "$250,000.00"}
    store.seed_sheet(
        "quotas-2025",
        "This year's",
        [[], ["", "Rep", "Quota", "From"], ["", "Ann", amount, "1.2.2025"], ["", "Ben", "", "x"]],
        [(2, 4, 2, 3)],
    )
    store.seed_sheet("quotas-2025", "Old", [["Amount", "Name"], [7, "Cyd"]])
    source.check()
    zone, lines = Zone(tmp_path / "zone"), {}
    for stream in source.streams:
        with zone.extraction(stream, AS_OF, cursor=None, landed=[]) as folder:
            source.extract(stream, None, folder, FixedClock(AS_OF))
            [part] = folder.parts
            text = gzip.decompress((folder.path / part.file).read_bytes()).decode()
            lines[stream.name] = [json.loads(line) for line in text.splitlines()]
    assert lines["quotas"] == [
        {"row_number": 3, "rep": "Ann", "amount": "250000", "since": "2025-02-01"}
        | {"as_typed": {"since": "1.2.2025"}},
        {"row_number": 4, "rep": "Ben", "amount": "250000", "since": "x"},
    ]
    assert lines["old_quotas"] == [{"row_number": 2, "rep": "Cyd", "amount": "7"}]
    log = served.calls.as_list()
    assert sum(each["count"] for each in log if "batchGet" in each["route"]) == 1


@pytest.mark.parametrize(
    "values", [[], [[]], [["Name", "Why"], ["Ann", "7"]], [["x"]] * 11 + [["Rep", "Quota"]]]
)
def test_a_sheet_without_a_required_column_is_refused_not_taken_for_empty(
    values: list[list[Any]],
) -> None:
    with pytest.raises(SourceDataError, match="no column for the rep and the amount") as caught:
        records_of(Grid(values, "Quotas"), QUOTAS)
    assert "quota" in caught.value.next_step


def test_an_emptied_sheet_is_an_empty_snapshot() -> None:
    assert records_of(Grid([["Rep", "Quota"]], "Quotas"), QUOTAS) == []


def test_merged_cells_outside_the_range_change_nothing() -> None:
    values = [["Rep", "Quota"], ["Ann", 1], ["Ben", 2]]
    merged = (Merged(0, 9, 0), Merged(90, 99, 0), Merged(5, 9, 30), Merged(1, 99, 1))
    grid = Grid(values, "Quotas", first_row=0, first_column=1, merged=merged)
    assert [record["rep"] for record in records_of(grid, QUOTAS)] == ["Ann", "Ben"]


@given(st.text(max_size=40))
def test_plain_text_stays_as_it_is_made_once(text: str) -> None:
    once = plain(text)
    assert plain(once) == once or once[:1] in {"'", "\u2019"}
    assert once == once.strip()


@given(st.dates(date(2000, 1, 1), date(2068, 12, 31)), st.sampled_from(FORMATS), st.booleans())
def test_a_date_is_read_in_every_format(day: date, form: str, month_first: bool) -> None:
    assert as_date(day.strftime(form), is_month_first=month_first) == day.isoformat()


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_a_date_is_read_from_its_serial_number(day: date) -> None:
    serial = (day - SERIAL_EPOCH) / timedelta(days=1)
    assert as_date(str(int(serial)), is_month_first=True) == day.isoformat()


def test_slashes_go_by_the_locale_unless_only_the_other_order_makes_a_date() -> None:
    assert as_date("05/06/2025", is_month_first=True) == "2025-05-06"
    assert as_date("05/06/2025", is_month_first=False) == "2025-06-05"
    assert as_date("30/06/2025", is_month_first=True) == "2025-06-30"
    assert as_date("06/30/2025", is_month_first=False) == "2025-06-30"
    assert as_date("31/31/2025", is_month_first=True) == "31/31/2025"
