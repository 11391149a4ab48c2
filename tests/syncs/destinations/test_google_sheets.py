"""Google Sheets: a tab as a mirror, beside columns of people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.errors import CredentialError, DefinitionError
from syncs.destination import Batch, Change, Operation, Outcome
from syncs.destinations import google_sheets, open_destination
from syncs.run import run
from syncs.state import RunStatus
from tests.sandbox.conftest import Served, served  # noqa: F401 (fixture)
from tests.syncs.bench import Bench, a_definition
from tests.syncs.memory_destination import Killed

SHEET, TAB = "sheet-1", "Bob's accounts"
HEADER = ["Owner", "key", "Note", "A", "B"]


def sync(**changes: Any) -> Any:
    return a_definition(**{"destination": "google_sheets", "object": f"{SHEET}/{TAB}", **changes})


@pytest.fixture
def google(
    bench: Bench,
    served: Served,  # noqa: F811
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Served:
    bench.settings = bench.settings.model_copy(update={"http_retries": 1})
    known = served.credentials["google"]
    file = tmp_path / "key.json"
    key = {"type": "service_account", "token_uri": f"{served.url}/google/token",
           **{name: known[name] for name in known if name != "spreadsheet_id"}}  # fmt: skip
    file.write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_SHEETS_SERVICE_ACCOUNT_FILE", str(file))
    monkeypatch.setenv("GOOGLE_SHEETS_BASE_URL", f"{served.url}/google")
    return served


def put(google: Served, *rows: list[Any]) -> None:
    google.stores["google"].seed_sheet(SHEET, "Other tab", [["theirs"]])
    google.stores["google"].seed_sheet(SHEET, TAB, [list(row) for row in rows])


def grid(google: Served) -> list[list[Any]]:
    found = {row["sheet_name"]: row["grid"] for row in google.stores["google"].rows("sheets")}
    assert found["Other tab"] == [["theirs"]]
    return [row for row in found[TAB] if any(cell != "" for cell in row)]


def go(bench: Bench, definition: Any) -> Any:
    return run("things", bench.settings, bench.clock, "c1", definition=definition)


def test_rows_are_ours_in_our_columns_and_what_people_wrote_stays(bench, google):
    put(google, HEADER, ["sam", "x", "call her", "old", 1], [], ["", "", "a remark"])
    bench.model({"x": ("=1+1", 2.5), "007": ("TRUE", None)})
    first = go(bench, sync())
    assert (first.status, first.created) == (RunStatus.CLEAN, 2), first.error
    assert first.calls == 2 + first.least_calls == 4, "the tab, its first row, a read, a write"
    assert grid(google) == [
        HEADER, ["sam", "x", "call her", "=1+1", 2.5], ["", "", "a remark"],
        ["", "007", "", "TRUE", ""],
    ]  # fmt: skip
    store = google.stores["google"]
    moved = [HEADER, ["", "007", "theirs", "TRUE", ""], ["sam", "x", "call her", "=1+1", 2.5]]
    store.seed_sheet(SHEET, TAB, moved)
    bench.model({"x": (None, 2.5), "y": ("new", 1.0)})
    second = go(bench, sync())
    assert (second.created, second.updated, second.removed) == (1, 1, 1)
    assert grid(google) == [
        HEADER, ["", "", "theirs", "", ""], ["sam", "x", "call her", "", 2.5],
        ["", "y", "", "new", 1.0],
    ]  # fmt: skip
    assert go(bench, sync()).calls == 0


def test_an_empty_tab_gets_its_first_row_and_a_row_that_people_deleted_comes_back_whole(
    bench, google
):
    put(google)
    bench.model({"x": ("one", 1.0), "y": ("two", 2.0)})
    assert go(bench, sync()).status is RunStatus.CLEAN
    assert grid(google) == [["key", "A", "B"], ["x", "one", 1.0], ["y", "two", 2.0]]
    google.stores["google"].seed_sheet(SHEET, TAB, [["key", "A", "B"], ["y", "two", 2.0]])
    bench.model({"x": ("one", 9.0), "y": ("two", 2.0)})
    assert go(bench, sync()).updated == 1
    assert grid(google)[-1] == ["x", "one", 9.0]


def test_bad_rows_are_refused_alone(bench, google):
    put(google, HEADER, ["", "twice", "", "a", 1], ["", 12, "", "", ""], ["", "twice", "", "b", 2])
    rows = {"twice": ("x", 1.0), "12": ("number", 1.0), "long": ("x" * 50_001, 1.0)}
    bench.model({**rows, **{f"k{n}": ("fine", float(n)) for n in range(5)}})
    result = go(bench, sync())
    assert (result.status, result.created, result.rejected) == (RunStatus.PARTIAL, 6, 2)
    assert {item.code: item.example_key for item in result.refusals} == {
        "DUPLICATE_KEY": "twice", "400": "long"}  # fmt: skip
    assert grid(google)[2] == ["", 12, "", "number", 1.0], "12 was found, typed as a number"
    assert len(grid(google)) == 4 + 5


@pytest.mark.parametrize(
    ("kind", "params"),
    [("lost_response", {}), ("lost_response", {"status": 503}), ("reset", {}),
     ("status", {"status": 500}), ("rate_limit", {}), ("expired_token", {}),
     ("truncate", {"bytes": 5})],
)  # fmt: skip
def test_whatever_happens_to_the_write_each_row_is_there_once(bench, google, kind, params):
    put(google, HEADER)
    bench.model({"x": ("one", 1.0), "y": ("two", 2.0)})
    google.fault("google", ":batchUpdate", kind, **params)
    result = go(bench, sync())
    assert (result.status, result.created) == (RunStatus.CLEAN, 2), result.error
    assert [row[1] for row in grid(google)] == ["key", "x", "y"]


def test_killed_after_the_write_the_next_run_adds_no_row_twice(bench, google, monkeypatch):
    put(google, HEADER)
    real = google_sheets.GoogleSheetsDestination._write

    def dies(self: Any, *args: Any) -> Any:
        real(self, *args)
        raise Killed

    bench.model({"x": ("one", 1.0), "y": ("two", 2.0)})
    with monkeypatch.context() as patched:
        patched.setattr(google_sheets.GoogleSheetsDestination, "_write", dies)
        with pytest.raises(Killed):
            go(bench, sync())
    healed = go(bench, sync())
    assert (healed.status, healed.recovered, healed.planned) == (RunStatus.CLEAN, 2, 0)
    assert [row[1] for row in grid(google)] == ["key", "x", "y"]


@pytest.mark.parametrize("operation", [Operation.CREATE, Operation.UPDATE])
def test_a_new_row_whose_answer_was_lost_is_not_added_while_google_may_still_be_at_work(
    bench, google, operation
):
    """The first call could end after the second one, and the row would stand there twice: so does
    a row to change that people took away, for it is made again."""
    put(google, HEADER)
    destination = open_destination(sync(), bench.settings)
    in_doubt = Batch("b", (Change(1, "x", operation, {"A": "one"}, "token", whole={"A": "one"}),))
    assert [item.outcome for item in destination.resolve(in_doubt)] == [Outcome.UNSENT]
    assert grid(google) == [HEADER]
    assert destination.capabilities.settle_seconds > 0


def test_what_people_changed_stays_where_the_definition_says_so(bench, google):
    put(google, HEADER)
    fields = [{"column": "a", "field": "A", "edits": "keep"}, {"column": "b", "field": "B"}]
    bench.model({"x": ("one", 1.0)})
    go(bench, sync(fields=fields))
    google.stores["google"].seed_sheet(SHEET, TAB, [HEADER, ["", "x", "", "theirs", 1.0]])
    bench.model({"x": ("two", 2.0)})
    assert go(bench, sync(fields=fields)).status is RunStatus.CLEAN
    assert grid(google)[1] == ["", "x", "", "theirs", 2.0]


def test_a_first_row_that_is_not_ours_stops_the_run_before_a_write(bench, google):
    bench.model({"x": ("one", 1.0)})
    for header, said in ((["key", "A"], "has no field B"), (["key", "A", "B", "A"], "A twice"),
                         ([""], "no column")):  # fmt: skip
        put(google, header, ["people's", "row"])
        result = go(bench, sync())
        assert result.status is RunStatus.FAILED and said in str(result.error), result.error
        assert isinstance(result.error, DefinitionError)
        assert ["people's", "row"] in grid(google)


def test_a_missing_share_tab_or_key_file_is_said(bench, google, monkeypatch):
    put(google, HEADER)
    with pytest.raises(DefinitionError, match="no tab 'Nowhere'"):
        open_destination(sync(object=f"{SHEET}/Nowhere"), bench.settings).check()
    with pytest.raises(CredentialError, match="Editor"):
        open_destination(sync(object="other/Tab"), bench.settings).check()
    google.fault("google", "/v4", "permission_denied")
    with pytest.raises(CredentialError, match="Editor"):
        open_destination(sync(), bench.settings).check()
    with pytest.raises(DefinitionError):
        open_destination(sync(object="no-tab"), bench.settings)
    monkeypatch.setenv("GOOGLE_SHEETS_SERVICE_ACCOUNT_FILE", "/nowhere.json")
    with pytest.raises(CredentialError, match="GOOGLE_SHEETS_SERVICE_ACCOUNT_FILE"):
        open_destination(sync(), bench.settings).check()
