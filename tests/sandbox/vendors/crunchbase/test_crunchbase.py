"""Searches, entities, tombstones and limits, by plain calls in the documented shapes."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox.vendors.crunchbase.store import Store
from tests.sandbox.conftest import NOW, Served


def organization(number: int, **properties: Any) -> dict[str, Any]:
    given = {
        "identifier": {"permalink": f"org-{number}", "value": f"Org {number}"},
        "website_url": f"https://www.org{number}.com/home",
        "rank_org": number,
        "updated_at": f"2025-08-{number % 28 + 1:02}T10:00:00Z",
    }
    return {"uuid": f"00000000-0000-0000-0000-{number:012}", "properties": {**given, **properties}}


@pytest.fixture
def store(served: Served) -> Store:
    return served.stores["crunchbase"]


@pytest.fixture
def call(served: Served):
    key = served.credentials["crunchbase"]["user_key"]

    def ask(method: str, path: str, base: str = "/v4/data", **kwargs: Any) -> requests.Response:
        headers = {"X-cb-user-key": key, **kwargs.pop("headers", {})}
        url = f"{served.url}/crunchbase{base}{path}"
        return requests.request(method, url, headers=headers, timeout=9, **kwargs)

    return ask


@pytest.fixture
def search(call):
    def ask(*query: tuple[str, str, Any], **body: Any) -> requests.Response:
        predicates = [
            {"type": "predicate", "field_id": field, "operator_id": operator, "values": values}
            for field, operator, values in query
        ]
        given = {"field_ids": ["identifier", "rank_org"], "query": predicates, **body}
        return call("POST", "/searches/organizations", json=given)

    return ask


def numbers(response: requests.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [int(each["uuid"][-12:]) for each in response.json()["entities"]]


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (("website_url", "domain_eq", ["org2.com"]), [2]),
        (("website_url", "domain_eq", ["org2.com", "www.org3.com"]), [2, 3]),
        (("updated_at", "gte", ["2025-08-03T12:00:00+02:00"]), [2, 3]),
        (("rank_org", "lte", [2]), [1, 2]),
        (("num_employees_enum", "includes", ["c_00051_00100"]), [1]),
        (("num_employees_enum", "eq", ["c_00051_00100"]), [1]),
        (("num_employees_enum", "not_includes", ["c_00051_00100"]), [2, 3]),
        (("categories", "includes", ["software"]), [1]),
        (("categories", "includes", ["Software Display Name That Matches Nothing"]), []),
        (("funding_total", "gte", [{"value": 5, "currency": "USD"}]), [2]),
        (("funding_total", "blank", []), [3]),
        (("funding_total", "not_blank", []), [1, 2]),
        (("last_funding_at", "between", ["2025-01-01", "2025-12-31"]), [1]),
        (("identifier", "eq", ["org-3"]), [3]),
        (("country_code", "eq", ["DE"]), [3]),
    ],
)
def test_predicates(search, store, predicate, expected):
    store.seed(
        "organizations",
        [
            organization(
                1,
                num_employees_enum="c_00051_00100",
                categories=[{"permalink": "software", "value": "Software", "uuid": "c1"}],
                funding_total={"value": 1, "currency": "USD", "value_usd": 1},
                last_funding_at="2025-05-05",
            ),
            organization(2, funding_total={"value": 9, "currency": "USD", "value_usd": 9}),
            organization(3, country_code="DE", num_employees_enum="c_00001_00010"),
        ],
    )
    assert numbers(search(predicate)) == expected


def test_all_predicates_must_hold(search, store):
    store.seed("organizations", [organization(number) for number in range(1, 10)])
    assert numbers(search(("rank_org", "gte", [3]), ("rank_org", "lte", [4]))) == [3, 4]


def test_pages_go_on_after_the_last_row_in_the_order_asked_for(search, store):
    store.seed("organizations", [organization(number) for number in range(1, 121)])
    order = [{"field_id": "rank_org", "sort": "desc"}]
    first = search(order=order)
    assert first.json()["count"] == 120
    assert numbers(first) == list(range(120, 70, -1))
    after = first.json()["entities"][-1]["uuid"]
    rest = search(order=order, limit=1000, after_id=after)
    assert numbers(rest) == list(range(70, 0, -1))
    assert numbers(search(order=order, limit=2, before_id=after)) == [73, 72]


def test_only_the_fields_asked_for_and_missing_ones_left_out(search, store):
    store.seed("organizations", [organization(1, funding_total=None)])
    [entity] = search(field_ids=["website_url", "funding_total"]).json()["entities"]
    assert set(entity["properties"]) == {"identifier", "website_url"}
    assert entity["properties"]["identifier"]["uuid"] == entity["uuid"]


@pytest.mark.parametrize(
    "body",
    [
        {"field_ids": []},
        {"field_ids": ["nonsense"]},
        {"limit": 1001},
        {"limit": 0},
        {"after_id": "unknown"},
        {"order": [{"field_id": "rank_org", "sort": "up"}]},
        {"query": [{"type": "sub_query"}]},
    ],
)
def test_what_cannot_be_searched(search, body):
    answer = search(**body)
    assert (answer.status_code, answer.json()[0]["status"]) == (400, 400)


def test_operators_belong_to_fields(search):
    assert search(("rank_org", "domain_eq", [1])).status_code == 400
    assert search(("rank_org", "gte", ["many"])).status_code == 400
    assert search(("rank_org", "gte", [])).status_code == 400


def test_entities_by_uuid_and_permalink_under_both_bases(call, store):
    store.seed("organizations", [organization(1)])
    for base in ("/v4/data", "/api/v4"):
        for wanted in ("org-1", organization(1)["uuid"]):
            path = f"/entities/organizations/{wanted}?field_ids=rank_org"
            assert call("GET", path, base).json()["properties"]["rank_org"] == 1
    cards = call("GET", "/entities/organizations/org-1?card_ids=fields").json()["cards"]
    assert cards["fields"]["website_url"] == "https://www.org1.com/home"
    assert call("GET", "/entities/organizations/none").status_code == 404


def test_autocompletes(call, store):
    store.seed("organizations", [organization(1), organization(12), organization(3)])
    answer = call("GET", "/autocompletes?query=Org 1&collection_ids=organizations").json()
    assert [each["identifier"]["permalink"] for each in answer["entities"]] == ["org-1", "org-12"]
    assert call("GET", "/autocompletes?query=x&limit=26").status_code == 400


def test_deleted_organizations_leave_tombstones(call, search, store, served):
    store.seed("organizations", [organization(number) for number in range(1, 4)])
    store.delete(organization(2)["uuid"])
    store.seed(
        "deleted_entities",
        [{"uuid": organization(3)["uuid"], "deleted_at": "2025-08-28T00:00:00+00:00"}],
    )
    assert numbers(search()) == [1]
    first = call("GET", "/deleted_entities/organizations?limit=1").json()
    assert [(each["uuid"][-1], each["deleted_at"]) for each in first] == [
        ("2", NOW.strftime("%Y-%m-%dT%H:%M:%SZ"))
    ]
    rest = call("GET", f"/deleted_entities?after_id={first[0]['uuid']}").json()
    assert [each["uuid"][-1] for each in rest] == ["3"]
    assert Store(served.home, served.clock).rows("deleted_entities") == [*first, *rest]


def test_the_key_is_checked_in_header_and_query(call, served, store):
    wrong = call("GET", "/deleted_entities", headers={"X-cb-user-key": "wrong"})
    assert wrong.status_code == 401
    assert wrong.json() == [{"status": 401, "code": "LA401", "message": "Unauthorized user_key"}]
    key = served.credentials["crunchbase"]["user_key"]
    url = f"{served.url}/crunchbase/v4/data/deleted_entities?user_key={key}"
    assert requests.get(url, timeout=9).json() == []


def test_200_calls_a_minute(call, store, served):
    store.calls_per_minute.seconds = 3600
    statuses = {call("GET", "/deleted_entities").status_code for _ in range(200)}
    assert statuses == {200}
    refused = call("GET", "/deleted_entities")
    assert refused.status_code == 429
    assert not [name for name in refused.headers if "limit" in name or "retry" in name]
    served.clock.set(NOW.replace(hour=12))
    assert call("GET", "/deleted_entities").status_code == 200


@pytest.mark.parametrize(("kind", "status"), [("rate_limit", 429), ("https_required", 426)])
def test_misbehaviour_on_demand(call, served, kind, status):
    served.fault("crunchbase", "deleted", kind)
    assert call("GET", "/deleted_entities").status_code == status
    assert call("GET", "/deleted_entities").status_code == 200


def funding_round(number: int, **properties: Any) -> dict[str, Any]:
    given = {
        "identifier": {"permalink": f"round-{number}", "value": f"Seed {number}"},
        "funded_organization_identifier": {"permalink": "acme", "uuid": "o-1", "value": "Acme"},
        "updated_at": "2025-08-01T10:00:00Z",
    }
    return {"uuid": f"00000000-0000-0000-0000-{number:012}", "properties": {**given, **properties}}


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (("investment_type", "includes", ["seed", "angel"]), [1]),
        (("announced_on", "gte", ["2025-02-01"]), [2]),
        (("closed_on", "gte", ["2025-01-01"]), [1]),
        (("money_raised", "gt", [{"value": 5, "currency": "USD"}]), [2]),
        (("funded_organization_identifier", "eq", ["acme"]), [1]),
        (("is_equity", "eq", [True]), [2]),
        (("lead_investor_identifiers", "includes", ["kiln"]), [1]),
    ],
)
def test_funding_rounds_are_searched_by_their_own_fields(call, store, predicate, expected):
    kiln = [{"permalink": "kiln", "value": "Kiln Growth", "uuid": "k"}]
    store.seed(
        "funding_rounds",
        [
            funding_round(
                1,
                investment_type="seed",
                announced_on="2025-01-01",
                closed_on={"precision": "year", "value": "2025-01-01"},
                money_raised={"value": 5, "currency": "EUR", "value_usd": 4},
                lead_investor_identifiers=kiln,
                is_equity=False,
            ),
            funding_round(
                2,
                announced_on="2025-02-02",
                money_raised={"value": 6, "currency": "USD", "value_usd": 6},
                funded_organization_identifier={"permalink": "beta", "value": "Beta"},
                is_equity=True,
            ),
        ],
    )
    field, operator, values = predicate
    query = {"type": "predicate", "field_id": field, "operator_id": operator, "values": values}
    body = {"field_ids": ["identifier"], "query": [query]}
    assert numbers(call("POST", "/searches/funding_rounds", json=body)) == expected


def test_fields_belong_to_their_collection(call, store):
    store.seed("funding_rounds", [funding_round(1)])
    body = {"field_ids": ["rank_org"]}
    assert call("POST", "/searches/funding_rounds", json=body).status_code == 400
    found = call("GET", "/entities/funding_rounds/round-1?field_ids=investment_type").json()
    assert found["properties"]["identifier"]["entity_def_id"] == "funding_round"


def test_the_feed_of_deleted_entities_by_collection(call, store):
    store.seed("organizations", [organization(1)])
    store.seed("funding_rounds", [funding_round(1), funding_round(2)])
    store.delete(funding_round(2)["uuid"], "funding_rounds")
    assert call("GET", "/deleted_entities/organizations").json() == []
    [gone] = call("GET", "/deleted_entities/funding_rounds").json()
    assert (gone["entity_def_id"], gone["uuid"][-1]) == ("funding_round", "2")
    assert call("GET", "/deleted_entities").json() == [gone]
    assert len(store.rows("funding_rounds")) == 1
