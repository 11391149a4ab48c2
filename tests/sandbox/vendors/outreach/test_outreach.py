"""Tokens, JSON:API documents, uniqueness, actions and limits, by plain calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.vendors.outreach.store import Store
from tests.sandbox.conftest import NOW, Served

JSON_API = "application/vnd.api+json"
Ask = Callable[..., requests.Response]


@pytest.fixture
def store(served: Served) -> Store:
    return served.stores["outreach"]


@pytest.fixture
def token(served: Served) -> Ask:
    known = served.credentials["outreach"]

    def ask(**form: str) -> requests.Response:
        given = {
            "client_id": known["client_id"],
            "client_secret": known["client_secret"],
            "redirect_uri": "https://localhost/oauth/callback",
            "grant_type": "refresh_token",
            "refresh_token": known["refresh_token"],
            **form,
        }
        return requests.post(f"{served.url}/outreach/oauth/token", data=given, timeout=9)

    return ask


@pytest.fixture
def call(served: Served, token: Ask) -> Ask:
    access = token().json()["access_token"]

    def ask(method: str, path: str, data: Any = None, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {access}", "Content-Type": JSON_API}
        headers |= kwargs.pop("headers", {})
        url = path if path.startswith("http") else f"{served.url}/outreach/api/v2{path}"
        body = {"json": {"data": data}} if data is not None else {}
        return requests.request(method, url, headers=headers, timeout=9, **body, **kwargs)

    return ask


def prospect(number: int, **attributes: Any) -> dict[str, Any]:
    given = {"emails": [f"p{number}@acme.com"], "firstName": "Ann", "externalId": f"crm-{number}"}
    return {"type": "prospect", "attributes": {**given, **attributes}}


def seeded(number: int) -> dict[str, Any]:
    stamps = {"updatedAt": f"2025-08-{number % 28 + 1:02}T10:00:00.000Z"}
    return {"id": number, "attributes": {**prospect(number)["attributes"], **stamps}}


def error(response: requests.Response) -> dict[str, Any]:
    [found] = response.json()["errors"]
    return found


def test_refresh_tokens_are_replaced_at_each_use(token, served):
    first = token().json()
    assert first["token_type"] == "Bearer"
    assert first["expires_in"] == 7200
    served.clock.set(NOW + timedelta(minutes=2))
    used = token()
    assert (used.status_code, used.json()["error"]) == (400, "invalid_grant")
    assert token(refresh_token=first["refresh_token"]).status_code == 200


def test_one_access_token_a_minute(token, store, served):
    first = token().json()
    again = token(refresh_token=first["refresh_token"])
    assert (again.status_code, error(again)["id"]) == (429, "rateLimitExceeded")
    assert int(again.headers["Retry-After"]) > 0
    store.token_every_seconds = 0
    assert token(refresh_token=first["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"refresh_token": "wrong"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"redirect_uri": ""}, 400, "invalid_request"),
    ],
)
def test_what_the_token_endpoint_refuses(token, form, status, code):
    answer = token(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, code)


def test_access_tokens_live_two_hours_and_survive_a_restart(call, served):
    assert call("GET", "/users").status_code == 200
    assert Store(served.home, served.clock).tokens.count("key like 'access/%'") == 1
    served.clock.set(NOW + timedelta(hours=2))
    assert call("GET", "/users").status_code == 401


def test_a_prospect_through_its_life(call, store, served):
    made = call("POST", "/prospects", prospect(1))
    assert made.status_code == 201
    assert made.headers["Content-Type"] == JSON_API
    data = made.json()["data"]
    assert (data["type"], data["id"]) == ("prospect", 1)
    assert data["attributes"]["emails"] == ["p1@acme.com"]
    assert data["links"]["self"].endswith("/api/v2/prospects/1")
    change = {"type": "prospect", "id": 1, "attributes": {"title": "CTO", "custom7": "x"}}
    changed = call("PATCH", "/prospects/1", change).json()["data"]["attributes"]
    assert (changed["title"], changed["firstName"], changed["custom7"]) == ("CTO", "Ann", "x")
    assert Store(served.home, served.clock).rows("prospects") == store.rows("prospects")
    assert call("DELETE", "/prospects/1").status_code == 204
    gone = call("GET", "/prospects/1")
    assert gone.status_code == 404
    assert error(gone)["detail"] == "Could not find 'prospect' with ID '1'."
    assert call("POST", "/prospects", prospect(1)).json()["data"]["id"] == 2


def test_an_address_belongs_to_one_prospect(call):
    call("POST", "/prospects", prospect(1))
    again = call("POST", "/prospects", prospect(2, emails=["P1@acme.com"]))
    assert again.status_code == 422
    assert error(again)["id"] == "validationError"
    assert error(again)["detail"] == "Contacts email hash has already been taken."
    assert error(again)["source"] == {"pointer": "/data"}
    resent = {"type": "prospect", "id": 1, "attributes": {"emails": ["p1@acme.com"]}}
    answer = call("PATCH", "/prospects/1", resent)
    assert error(answer)["id"] == "validationDuplicateValueError"
    assert error(answer)["detail"] == "A Contact with this email_hash already exists."


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"type": "account", "attributes": {}}, "/data/type"),
        (prospect(1, nonsense=1), "/data/attributes/nonsense"),
        (prospect(1, updatedAt="2025-01-01"), "/data/attributes/updatedAt"),
        (prospect(1, emails="p1@acme.com"), "/data/attributes/emails"),
        (prospect(1, emails=["not an address"]), "/data/attributes/emails"),
        (prospect(1, custom1="x" * 32_001), "/data/attributes/custom1"),
        (
            {**prospect(1), "relationships": {"friend": {"data": None}}},
            "/data/relationships/friend",
        ),
    ],
)
def test_documents_that_are_not_valid(call, data, pointer):
    answer = call("POST", "/prospects", data)
    assert (answer.status_code, error(answer)["source"]["pointer"]) == (422, pointer)


def test_a_patch_names_the_record_of_its_url(call):
    call("POST", "/prospects", prospect(1))
    answer = call("PATCH", "/prospects/1", {"type": "prospect", "id": 2, "attributes": {}})
    assert (answer.status_code, error(answer)["source"]["pointer"]) == (422, "/data/id")


def test_the_media_type_is_json_api(call):
    answer = call("POST", "/prospects", prospect(1), headers={"Content-Type": "application/json"})
    assert (answer.status_code, error(answer)["id"]) == (415, "unsupportedMediaType")


def test_pages_follow_links_next(call, store):
    store.seed("prospects", [seeded(number) for number in range(1, 131)])
    seen, path = [], "/prospects?sort=-id&count=true"
    while path:
        answer = call("GET", path).json()
        assert answer["meta"] == {"count": 130, "count_truncated": False}
        seen += [row["id"] for row in answer["data"]]
        path = answer["links"].get("next")
    assert seen == list(range(130, 0, -1))
    page = call("GET", "/prospects?page[size]=1000").json()
    assert len(page["data"]) == 130
    assert "meta" not in page
    assert call("GET", "/prospects?page[size]=1001").status_code == 400
    assert call("GET", "/prospects?page[after]=x").status_code == 400
    offset = call("GET", "/prospects?page[limit]=10&page[offset]=125").json()["data"]
    assert [row["id"] for row in offset] == [126, 127, 128, 129, 130]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter[emails]=P2@acme.com", [2]),
        ("filter[emails]=p1@acme.com,p3@acme.com", [1, 3]),
        ("filter[externalId]=crm-3", [3]),
        ("filter[updatedAt]=2025-08-03..inf", [2, 3]),
        ("filter[updatedAt]=neginf..2025-08-03T00:00:00Z", [1]),
        ("newFilterSyntax=true&filter[updatedAt][gte]=2025-08-04", [3]),
        ("filter[title]=__null__", [1, 2, 3]),
        ("filter[account][id]=7", [2]),
        ("filter[id]=1,2", [1, 2]),
        ("filter[q]=Ann&sort=-updatedAt", [3, 2, 1]),
    ],
)
def test_filters(call, store, query, expected):
    store.seed("accounts", [{"id": 7, "attributes": {"name": "Acme"}}])
    store.seed("prospects", [seeded(number) for number in (1, 2, 3)])
    related = {"account": {"type": "account", "id": 7}}
    store.seed("prospects", [{**seeded(2), "relationships": related}])
    rows = call("GET", f"/prospects?{query}").json()["data"]
    assert [row["id"] for row in rows] == expected


def test_filters_that_are_not_there(call):
    assert call("GET", "/prospects?filter[custom1]=x").status_code == 400
    assert call("GET", "/prospects?filter[account][name]=x").status_code == 400
    assert call("GET", "/prospects?sort=custom1").status_code == 400


def test_sparse_fields_and_includes(call, store):
    store.seed("accounts", [{"id": 7, "attributes": {"name": "Acme"}}])
    data = {**prospect(1), "relationships": {"account": {"data": {"type": "account", "id": 7}}}}
    call("POST", "/prospects", data)
    answer = call("GET", "/prospects/1?fields[prospect]=emails&include=account").json()
    assert set(answer["data"]["attributes"]) == {"emails"}
    assert answer["included"][0]["attributes"]["name"] == "Acme"
    missing = {**prospect(2), "relationships": {"account": {"data": {"type": "account", "id": 8}}}}
    assert call("POST", "/prospects", missing).status_code == 404


def task(**attributes: Any) -> dict[str, Any]:
    return {
        "type": "task",
        "attributes": {"action": "call", "dueAt": "2025-09-01T09:00:00Z", **attributes},
        "relationships": {
            "owner": {"data": {"type": "user", "id": 1}},
            "subject": {"data": {"type": "prospect", "id": 1}},
        },
    }


def test_tasks_and_their_actions(call, store):
    call("POST", "/prospects", prospect(1))
    made = call("POST", "/tasks", task(note="Call them"))
    assert made.status_code == 201
    assert made.json()["data"]["attributes"]["state"] == "pending"
    assert made.json()["data"]["relationships"]["subject"]["data"] == {"type": "prospect", "id": 1}
    prospects_tasks = call("GET", "/prospects/1").json()["data"]["relationships"]["tasks"]
    about = call("GET", prospects_tasks["links"]["related"])
    assert [row["id"] for row in about.json()["data"]] == [1]
    assert store.rows("tasks")[0]["relationships"]["prospect"]["data"]["id"] == 1
    moved = "/tasks/1/actions/reschedule?actionParams[dueAt]=2025-09-05T10:00:00Z"
    assert call("POST", moved).json()["data"]["attributes"]["dueAt"] == "2025-09-05T10:00:00.000Z"
    note = call("POST", "/tasks/1/actions/updateNote?actionParams[note]=Later").json()
    assert note["data"]["attributes"]["note"] == "Later"
    assert call("POST", "/tasks/1/actions/markComplete").json()["data"]["attributes"]["completed"]
    assert call("POST", "/tasks/1/actions/markComplete").status_code == 422
    assert call("POST", "/tasks/1/actions/nonsense").status_code == 404
    rows = call("GET", "/tasks?filter[state]=complete&filter[dueAt]=2025-09-05..2025-09-06").json()
    assert [row["id"] for row in rows["data"]] == [1]


def test_a_task_needs_action_due_owner_and_subject(call):
    call("POST", "/prospects", prospect(1))
    assert call("POST", "/tasks", task(action="dance")).status_code == 422
    assert call("POST", "/tasks", task(state="complete")).status_code == 422
    incomplete = task()
    del incomplete["relationships"]["subject"]
    answer = call("POST", "/tasks", incomplete)
    assert error(answer)["source"]["pointer"] == "/data/relationships/subject"


@pytest.fixture
def sequence(call, store) -> None:
    store.seed("sequences", [{"id": 5, "attributes": {"name": "Overage"}}])
    store.seed("mailboxes", [{"id": 9, "attributes": {"email": "sam@groupgrub.com"}}])
    store.seed("prospects", [seeded(number) for number in (1, 2)])


def test_a_prospect_is_in_a_sequence_once(call, sequence):
    related = {
        name: {"data": {"type": name, "id": key}}
        for name, key in (("prospect", 1), ("sequence", 5), ("mailbox", 9))
    }
    data = {"type": "sequenceState", "relationships": related}
    made = call("POST", "/sequenceStates", data)
    assert (made.status_code, made.json()["data"]["attributes"]["state"]) == (201, "active")
    assert call("POST", "/sequenceStates", data).status_code == 422
    finished = call("POST", "/sequenceStates/1/actions/finish").json()["data"]
    assert finished["attributes"]["state"] == "finished"
    assert call("POST", "/sequenceStates", data).status_code == 201


def test_a_batch_answers_200_and_tells_its_failures_later(call, sequence, store):
    path = "/batches/actions/prospectsAddToSequence?actionParams[sequenceId]=5"
    path += "&actionParams[mailboxId]=9&actionParams[ids]=1,2,99"
    batch = call("POST", path).json()["data"]
    assert batch["attributes"]["state"] == "unconfirmed"
    assert store.rows("sequenceStates") == []
    call("POST", f"/batches/{batch['id']}/actions/confirm")
    done = call("GET", f"/batches/{batch['id']}").json()["data"]["attributes"]
    assert (done["state"], done["total"], done["failures"]) == ("finished", 3, 1)
    items = call("GET", f"/batchItems?filter[batchId]={batch['id']}").json()["data"]
    assert [item["attributes"]["failed"] for item in items] == [False, False, True]
    again = call("POST", path + "&actionParams[skipConfirmation]=true").json()["data"]
    assert again["attributes"]["failures"] == 3


def test_there_is_a_user_from_the_start_and_users_are_read_only(call):
    [user] = call("GET", "/users").json()["data"]
    assert user["attributes"]["email"] == "sam@groupgrub.com"
    data = {"type": "user", "attributes": {"email": "x@y.co"}}
    assert error(call("POST", "/users", data))["id"] == "unauthorizedRequest"
    assert error(call("GET", "/unicorns"))["id"] == "routeNotFound"


def test_10000_calls_an_hour(call, store):
    first = call("GET", "/users")
    assert first.headers["X-RateLimit-Limit"] == "10000"
    assert first.headers["X-RateLimit-Remaining"] == "9999"
    store.calls_per_hour.limit = 1
    refused = call("GET", "/users")
    assert (refused.status_code, error(refused)["id"]) == (429, "rateLimitExceeded")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert int(refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("kind", "status", "error_id"),
    [
        ("expired_token", 401, "unauthorized"),
        ("rate_limit", 429, "rateLimitExceeded"),
        ("missing_scope", 403, "unauthorizedOauthScope"),
        ("maintenance", 503, "scheduledServerMaintenance"),
    ],
)
def test_misbehaviour_on_demand(call, served, kind, status, error_id):
    served.fault("outreach", "users", kind)
    answer = call("GET", "/users")
    assert (answer.status_code, error(answer)["id"]) == (status, error_id)
    assert call("GET", "/users").status_code == 200


def test_the_token_limit_on_demand(token, served):
    served.fault("outreach", "oauth", "token_rate_limit")
    assert token().status_code == 429
    assert token().status_code == 200


def test_one_prospect_refused_on_demand_and_a_lost_response(call, served, store):
    served.fault("outreach", "prospects", "partial_failure", keys=["p2@acme.com"])
    assert call("POST", "/prospects", prospect(1)).status_code == 201
    refused = call("POST", "/prospects", prospect(2))
    assert error(refused)["detail"] == "Contacts contact is using an excluded email address."
    served.fault("outreach", "prospects", "lost_response", status=503)
    assert call("POST", "/prospects", prospect(3)).status_code == 503
    assert [row["attributes"]["externalId"] for row in store.rows("prospects")] == [
        "crm-1",
        "crm-3",
    ]


def test_pages_lose_nothing_when_records_change_or_go_between_them(call, store):
    at = {"updatedAt": "2025-08-10T10:00:00.000Z"}
    rows = [{"id": n, "attributes": {**prospect(n)["attributes"], **at}} for n in range(1, 10)]
    store.seed("prospects", rows)
    first = call("GET", "/prospects?sort=updatedAt,id&page[size]=3").json()
    assert [row["id"] for row in first["data"]] == [1, 2, 3]
    later = {**rows[2]["attributes"], "updatedAt": "2025-08-11T10:00:00.000Z"}
    store.seed("prospects", [{"id": 3, "attributes": later}, {"id": 1, "isDeleted": True}])
    second = call("GET", first["links"]["next"]).json()
    assert [row["id"] for row in second["data"]] == [4, 5, 6]
    third = call("GET", second["links"]["next"]).json()
    last = call("GET", third["links"]["next"]).json()
    assert [row["id"] for row in third["data"] + last["data"]] == [7, 8, 9, 3]
    assert "next" not in last["links"]
    back = call("GET", last["links"]["prev"]).json()
    assert [row["id"] for row in back["data"]] == [7, 8, 9]


def test_mailings_are_read_by_prospect_and_state_and_not_written(call, store):
    store.seed("prospects", [seeded(1), seeded(2)])
    store.seed(
        "mailings",
        [
            {
                "id": n,
                "attributes": {"state": "opened" if n == 1 else "delivered", "openCount": 2},
                "relationships": {"prospect": {"type": "prospect", "id": n}},
            }
            for n in (1, 2)
        ],
    )
    found = call("GET", "/mailings?filter[state]=opened&include=prospect").json()
    assert [row["relationships"]["prospect"]["data"]["id"] for row in found["data"]] == [1]
    assert [row["id"] for row in found["included"]] == [1]
    assert len(call("GET", "/mailings?filter[prospect][id]=2").json()["data"]) == 1
    made = call("POST", "/mailings", {"type": "mailing", "attributes": {}})
    assert (made.status_code, error(made)["id"]) == (403, "unauthorizedRequest")


def test_seeds_leave_room_and_respect_addresses_taken_meanwhile(call, store):
    store.seed("prospects", [seeded(1)])
    made = call("POST", "/prospects", prospect(2)).json()["data"]["id"]
    assert made > 1_000_000
    store.seed("prospects", [seeded(2), seeded(3)])
    assert [row["id"] for row in store.rows("prospects")] == [1, 3, made]
