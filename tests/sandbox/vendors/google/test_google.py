"""Tokens, values and metadata, driven by gspread and google-api-python-client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import google.auth.exceptions
import gspread
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.service_account import Credentials
from googleapiclient.discovery import build
from gspread.http_client import HTTPClient

from sandbox.vendors.google.a1_range import column_name, column_number, parse
from sandbox.vendors.google.store import Store
from tests.sandbox.conftest import NOW, Served

SHEET = "sheet-id"
SCOPES = "https://www.googleapis.com/auth/"
GRID = [
    ["Key", "Reason", "Owner"],
    ["acme.com\u00a0", "", "sam"],
    [],
    ["0012", 7, True, 1.5],
    ["2025-08-01", "#N/A", ""],
    ["", "", ""],
]


@pytest.fixture
def store(served: Served) -> Store:
    store: Store = served.stores["google"]
    store.seed_sheet(SHEET, "Exclusions", GRID)
    return store


def account(served: Served, scope: str = "spreadsheets", **changes: str) -> Credentials:
    known = served.credentials["google"]
    info = {
        "type": "service_account",
        "client_email": known["client_email"],
        "private_key": known["private_key"],
        "private_key_id": known["private_key_id"],
        "token_uri": f"{served.url}/google/token",
        **changes,
    }
    return Credentials.from_service_account_info(info, scopes=[SCOPES + scope])


@pytest.fixture
def get(served: Served, store: Store) -> Callable[..., requests.Response]:
    session = AuthorizedSession(account(served, "drive"))

    def ask(path: str, method: str = "GET", **kwargs: Any) -> requests.Response:
        return session.request(method, f"{served.url}/google{path}", timeout=9, **kwargs)

    return ask


def values(response: requests.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json().get("values")


def test_rows_are_ragged_and_the_range_is_the_grid(get):
    answer = get(f"/v4/spreadsheets/{SHEET}/values/Exclusions")
    assert values(answer) == [
        ["Key", "Reason", "Owner"],
        ["acme.com\u00a0", "", "sam"],
        [],
        ["0012", "7", "TRUE", "1.5"],
        ["2025-08-01", "#N/A"],
    ]
    assert answer.json()["range"] == "Exclusions!A1:Z1000"
    assert answer.json()["majorDimension"] == "ROWS"


def test_an_empty_range_has_no_values(get):
    answer = get(f"/v4/spreadsheets/{SHEET}/values/Exclusions!A6:C9")
    assert answer.json() == {"range": "Exclusions!A6:C9", "majorDimension": "ROWS"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("valueRenderOption=UNFORMATTED_VALUE", [["0012", 7, True, 1.5], [45870, "#N/A"]]),
        (
            "valueRenderOption=UNFORMATTED_VALUE&dateTimeRenderOption=FORMATTED_STRING",
            [["0012", 7, True, 1.5], ["2025-08-01", "#N/A"]],
        ),
        ("majorDimension=COLUMNS", [["0012", "2025-08-01"], ["7", "#N/A"], ["TRUE"], ["1.5"]]),
    ],
)
def test_render_options(get, query, expected):
    assert values(get(f"/v4/spreadsheets/{SHEET}/values/Exclusions!A4:D5?{query}")) == expected


def test_errors_have_googles_shape(get):
    missing = get("/v4/spreadsheets/unknown/values/A1")
    assert missing.status_code == 404
    assert missing.json()["error"]["status"] == "NOT_FOUND"
    bad = get(f"/v4/spreadsheets/{SHEET}/values/Nowhere!A1")
    assert bad.json()["error"] == {
        "code": 400,
        "message": "Unable to parse range: Nowhere!A1",
        "status": "INVALID_ARGUMENT",
    }
    wrong = get(f"/v4/spreadsheets/{SHEET}/values/A1?valueRenderOption=PRETTY")
    assert wrong.status_code == 400


def test_the_official_client_reads_several_ranges_in_one_call(served, store):
    service = build(
        "sheets",
        "v4",
        credentials=account(served, "spreadsheets.readonly"),
        client_options={"api_endpoint": f"{served.url}/google"},
        static_discovery=True,
    )
    answer = (
        service.spreadsheets()
        .values()
        .batchGet(spreadsheetId=SHEET, ranges=["Exclusions!A1:B1", "Exclusions"])
        .execute()
    )
    assert answer["valueRanges"][0]["values"] == [["Key", "Reason"]]
    assert len(answer["valueRanges"]) == 2
    about = service.spreadsheets().get(spreadsheetId=SHEET, fields="sheets.properties").execute()
    assert about["sheets"][0]["properties"]["title"] == "Exclusions"
    service.close()


def test_gspread_reads_and_writes(served, store):
    class Local(HTTPClient):
        def request(self, method: str, endpoint: str, **kwargs: Any) -> requests.Response:
            for host in ("https://sheets.googleapis.com", "https://www.googleapis.com"):
                endpoint = endpoint.replace(host, f"{served.url}/google")
            return super().request(method, endpoint, **kwargs)

    served.calls.clear()
    sheet = gspread.authorize(account(served), http_client=Local).open_by_key(SHEET).sheet1
    everything = sheet.get_all_values()
    assert everything[1] == ["acme.com\u00a0", "", "sam", ""]
    reads = sum(row["count"] for row in served.calls.as_list() if row["method"] == "GET")
    assert reads == 3
    sheet.append_row(["new.com", "0042"], value_input_option="USER_ENTERED")
    sheet.update([["changed"]], "A1")
    grid = Store(served.home, served.clock).rows("sheets")[0]["grid"]
    assert grid[5] == ["new.com", 42, ""]
    assert grid[0] == ["changed", "Reason", "Owner"]


def test_drive_tells_whether_a_sheet_changed(get, served, store):
    path = f"/drive/v3/files/{SHEET}?fields=modifiedTime,version"
    first = get(path).json()
    assert first == {"modifiedTime": "2025-08-29T10:00:00.000Z", "version": "1"}
    served.clock.set(NOW + timedelta(minutes=1))
    store.seed_sheet(SHEET, "Exclusions", GRID)
    assert get(path).json() == first
    store.seed_sheet(SHEET, "Exclusions", GRID[:1])
    assert get(path).json() == {"modifiedTime": "2025-08-29T10:01:00.000Z", "version": "2"}
    assert get("/drive/v3/files/unknown").status_code == 404


def test_only_the_accounts_own_key_gets_a_token(served, store):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    for wrong in (
        {"private_key": pem},
        {"client_email": "x@y.iam.gserviceaccount.com"},
        {"private_key_id": "0"},
    ):
        session = AuthorizedSession(account(served, **wrong))
        with pytest.raises(google.auth.exceptions.RefreshError, match="invalid_grant"):
            session.get(f"{served.url}/google/v4/spreadsheets/{SHEET}", timeout=9)


def test_a_token_is_needed_and_its_scope_counts(served, store):
    url = f"{served.url}/google/v4/spreadsheets/{SHEET}"
    assert requests.get(url, timeout=9).json()["error"]["status"] == "UNAUTHENTICATED"
    reader = AuthorizedSession(account(served, "spreadsheets.readonly"))
    body = {"values": [["x"]]}
    refused = reader.put(f"{url}/values/A1?valueInputOption=RAW", json=body, timeout=9)
    assert refused.json()["error"]["status"] == "PERMISSION_DENIED"
    stranger = AuthorizedSession(account(served, "calendar"))
    assert stranger.get(url, timeout=9).status_code == 403


def test_sixty_reads_a_minute(get, store):
    store.reads_per_minute.seconds, store.reads_per_minute.limit = 3600, 2
    path = f"/v4/spreadsheets/{SHEET}/values/A1"
    assert [get(path).status_code for _ in range(3)] == [200, 200, 429]
    error = get(path).json()["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    store.writes_per_minute.limit = 0
    write = get(f"{path}?valueInputOption=RAW", "PUT", json={"values": [["x"]]})
    assert write.status_code == 429


@pytest.mark.parametrize(("kind", "status"), [("permission_denied", 403), ("rate_limit", 429)])
def test_misbehaviour_on_demand(get, served, kind, status):
    served.fault("google", "values", kind)
    path = f"/v4/spreadsheets/{SHEET}/values/A1"
    assert [get(path).status_code for _ in range(2)] == [status, 200]


def test_an_expired_token_is_renewed_by_the_library(get, served):
    path = f"/v4/spreadsheets/{SHEET}/values/A1"
    get(path)
    served.fault("google", "values", "expired_token")
    assert get(path).status_code == 200
    served.clock.set(NOW + timedelta(hours=2))
    assert get(path).status_code == 200
    assert not served.faults.all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Exclusions", (0, 0, None, None)),
        ("'Exclusions'!B2", (1, 1, 2, 2)),
        ("A2:C", (1, 0, None, 3)),
        ("2:3", (1, 0, 3, None)),
        ("AA10:AB12", (9, 26, 12, 28)),
    ],
)
def test_a1_notation(text, expected):
    where = parse(text, ["Exclusions"])
    assert (where.first_row, where.first_column, where.end_row, where.end_column) == expected


@pytest.mark.parametrize("text", ["", "Other!A1", "A1:", "1", "A", "A1!B2!C3"])
def test_what_is_no_range(text):
    with pytest.raises(ValueError, match="^" + text):
        parse(text, ["Exclusions"])


def test_column_names_and_numbers_agree():
    assert [column_number(column_name(number)) for number in range(800)] == list(range(800))


def test_cells_with_a_format_of_their_own(get, store):
    amount = {"value": 250000, "shown": "$250,000.00"}
    day = {"value": 45930, "shown": "30.09.2025", "is_date": True}
    store.seed_sheet(SHEET, "Exclusions", [[amount, day, "#N/A"]])
    path = f"/v4/spreadsheets/{SHEET}/values/Exclusions"
    assert values(get(path)) == [["$250,000.00", "30.09.2025", "#N/A"]]
    bare = f"{path}?valueRenderOption=UNFORMATTED_VALUE"
    assert values(get(bare)) == [[250000, 45930, "#N/A"]]
    texts = f"{bare}&dateTimeRenderOption=FORMATTED_STRING"
    assert values(get(texts)) == [[250000, "30.09.2025", "#N/A"]]


def test_merged_cells_are_told_by_the_metadata_and_hold_one_value(get, store):
    store.seed_sheet(SHEET, "Exclusions", [["Key"], ["12"], []], [(1, 3, 0, 1)])
    path = f"/v4/spreadsheets/{SHEET}"
    assert values(get(f"{path}/values/Exclusions")) == [["Key"], ["12"]]
    [sheet] = get(f"{path}?fields=sheets(properties(title),merges)").json()["sheets"]
    [merged] = sheet["merges"]
    assert merged == {
        "sheetId": sheet["properties"]["sheetId"],
        "startRowIndex": 1,
        "endRowIndex": 3,
        "startColumnIndex": 0,
        "endColumnIndex": 1,
    }


def test_a_batch_update_is_carried_out_whole_or_not_at_all(served, store):
    session = AuthorizedSession(account(served))
    url = f"{served.url}/google/v4/spreadsheets/{SHEET}:batchUpdate"

    def cells(*values: Any) -> list[dict[str, Any]]:
        return [{"values": [{"userEnteredValue": value} if value else {} for value in values]}]

    first = {"sheetId": 0, "rowIndex": 1, "columnIndex": 1}
    write = {"fields": "userEnteredValue", "rows": cells({"stringValue": "=1"}, {"numberValue": 2})}
    below = {"sheetId": 0, "fields": "userEnteredValue", "rows": cells({"boolValue": True})}
    before = store.rows("sheets")[0]["grid"]
    for wrong in (
        {"appendCells": {**below, "sheetId": 9}},
        {"appendCells": {"rows": []}},
        {"appendCells": {**below, "rows": cells({"x": 1})}},
        {"deleteSheet": {}},
    ):
        asked = {"requests": [{"updateCells": {"start": first, **write}}, wrong]}
        assert session.post(url, json=asked).status_code == 400
        assert store.rows("sheets")[0]["grid"] == before
    asked = {"requests": [{"updateCells": {"start": first, **write}}, {"appendCells": below}]}
    assert session.post(url, json=asked).json()["replies"] == [{}, {}]
    grid = store.rows("sheets")[0]["grid"]
    assert grid[1] == ["acme.com\u00a0", "=1", 2]
    assert grid[5] == [True, "", ""]
    assert session.post(url, json={"requests": []}).status_code == 400
