"""Bulk API 2.0 queries: states, pages by locator, the CSV to the byte, what is refused."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import requests
from simple_salesforce.exceptions import SalesforceOperationError

from tests.sandbox.vendors.salesforce.conftest import CONTACT, DELETED_LEAD, LEAD, Org, record_id


class Rest:
    """Plain calls with a session."""

    def __init__(self, org: Org) -> None:
        self.base = f"{org.base_url}/services/data"
        self.headers = {"Authorization": f"Bearer {org.login().session_id}"}

    def __call__(
        self, method: str, path: str, *, version: str = "62.0", **options: Any
    ) -> requests.Response:
        return requests.request(
            method,
            f"{self.base}/v{version}/jobs/query{path}",
            headers=self.headers,
            timeout=10,
            **options,
        )


def start(rest: Rest, soql: str, **body: Any) -> dict[str, Any]:
    answer = rest("POST", "", json={"operation": "query", "query": soql, **body})
    assert answer.status_code == 200
    job: dict[str, Any] = answer.json()
    return job


def test_a_job_from_start_to_end(org: Org) -> None:
    rest = Rest(org)
    job = start(rest, "SELECT Id FROM Lead")
    assert job == {
        "id": job["id"],
        "operation": "query",
        "object": "Lead",
        "createdById": job["createdById"],
        "createdDate": "2025-08-29T10:00:00.000+0000",
        "systemModstamp": "2025-08-29T10:00:00.000+0000",
        "state": "UploadComplete",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 62.0,
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    assert (len(job["id"]), job["id"][:3]) == (18, "750")
    done = rest("GET", f"/{job['id']}").json()
    assert (done["state"], done["jobType"], done["numberRecordsProcessed"]) == (
        "JobComplete",
        "V2Query",
        2,
    )
    assert rest("GET", "").json()["records"] == [done]
    assert rest("DELETE", f"/{job['id']}").status_code == 204
    assert rest("GET", f"/{job['id']}").status_code == 404


def test_the_csv_to_the_byte(org: Org) -> None:
    org.store.seed("Lead", [{"Id": LEAD, "Title": "two\nlines; ünï", "NumberOfEmployees": 5}])
    rest = Rest(org)
    job = start(
        rest,
        "SELECT id, Company, title, Website, PLG_PQL__c, PLG_ICP_Score__c, NumberOfEmployees, "
        f"SystemModstamp, ConvertedDate FROM Lead WHERE Id = '{LEAD}'",
    )
    answer = rest("GET", f"/{job['id']}/results")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.content.decode() == (
        '"Id","Company","Title","Website","PLG_PQL__c","PLG_ICP_Score__c","NumberOfEmployees",'
        '"SystemModstamp","ConvertedDate"\n'
        f'"{LEAD}","The ""Best"", Inc.","two\nlines; ünï","","true","23.0","5",'
        '"2025-08-01T09:00:00.000Z",""\n'
    )


def test_parents_delimiters_and_line_endings(org: Org) -> None:
    rest = Rest(org)
    job = start(
        rest,
        "SELECT Id, Account.Name FROM Contact",
        columnDelimiter="PIPE",
        lineEnding="CRLF",
    )
    answer = rest("GET", f"/{job['id']}/results")
    assert answer.content.decode() == f'"Id"|"Account.Name"\r\n"{CONTACT}"|"Acme"\r\n'


def test_no_rows_still_have_a_header(org: Org) -> None:
    rest = Rest(org)
    job = start(rest, "SELECT Id FROM Lead WHERE LastName = 'nobody'")
    answer = rest("GET", f"/{job['id']}/results")
    assert answer.content == b'"Id"\n'
    assert (answer.headers["Sforce-Locator"], answer.headers["Sforce-NumberOfRecords"]) == (
        "null",
        "0",
    )


def test_pages_by_locator_are_repeatable_and_frozen(org: Org) -> None:
    rows = [
        {"Id": record_id("00Q", n), "LastName": f"n\n{n}", "Company": "x", "IsConverted": False}
        for n in range(101, 126)
    ]
    org.store.seed("Lead", rows)
    rest = Rest(org)
    job = start(rest, "SELECT Id, LastName FROM Lead WHERE Company = 'x' ORDER BY Id")
    org.store.execute('delete from "Lead"')
    found, locator, sizes = [], "", []
    while locator != "null":
        query = {"maxRecords": "10", **({"locator": locator} if locator else {})}
        page = rest("GET", f"/{job['id']}/results", params=query)
        assert page.content == rest("GET", f"/{job['id']}/results", params=query).content
        locator = page.headers["Sforce-Locator"]
        sizes.append(int(page.headers["Sforce-NumberOfRecords"]))
        found += list(csv.DictReader(io.StringIO(page.content.decode(), newline="")))
    assert sizes == [10, 10, 5]
    assert found == [{"Id": r["Id"], "LastName": r["LastName"]} for r in rows]


def test_results_are_read_with_the_version_of_the_job(org: Org) -> None:
    rest = Rest(org)
    job = start(rest, "SELECT Id FROM Lead")
    assert rest("GET", f"/{job['id']}/results", version="61.0").status_code == 409
    assert rest("GET", f"/{job['id']}/results").status_code == 200


@pytest.mark.parametrize(
    ("soql", "code", "part"),
    [
        ("SELECT COUNT() FROM Lead", "API_ERROR", "not supported"),
        ("SELECT Company, COUNT(Id) FROM Lead GROUP BY Company", "API_ERROR", "not supported"),
        ("SELECT Id FROM Lead LIMIT 5 OFFSET 2", "API_ERROR", "OFFSET"),
        (
            "SELECT Id, Address FROM Lead",
            "FUNCTIONALITY_NOT_ENABLED",
            "Selecting compound data not supported in Bulk Query",
        ),
        ("SELECT Id FROM Nothing", "INVALID_TYPE", "sObject type 'Nothing' is not supported"),
        ("SELECT Nope FROM Lead", "INVALID_FIELD", "No such column 'Nope' on entity 'Lead'"),
    ],
)
def test_what_bulk_does_not_query(shared_org: Org, soql: str, code: str, part: str) -> None:
    answer = Rest(shared_org)("POST", "", json={"operation": "query", "query": soql})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == code
    assert part in answer.json()[0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"operation": "delete", "query": "SELECT Id FROM Lead"},
        {"operation": "query"},
        {"operation": "query", "query": "SELECT Id FROM Lead", "columnDelimiter": "SPACE"},
        {"operation": "query", "query": "SELECT Id FROM Lead", "contentType": "JSON"},
    ],
)
def test_no_such_job(shared_org: Org, body: dict[str, str]) -> None:
    answer = Rest(shared_org)("POST", "", json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOB")


def test_a_slow_job_has_no_results_yet_and_can_be_aborted(org: Org) -> None:
    rest = Rest(org)
    org.fault("/jobs/query", "slow_job", polls=2)
    job = start(rest, "SELECT Id FROM Lead")
    assert rest("DELETE", f"/{job['id']}").status_code == 400
    assert rest("GET", f"/{job['id']}").json()["state"] == "InProgress"
    early = rest("GET", f"/{job['id']}/results")
    assert (early.status_code, early.json()[0]["errorCode"]) == (400, "JOB_NOT_COMPLETE")
    assert rest("PATCH", f"/{job['id']}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert rest("GET", f"/{job['id']}").json()["state"] == "Aborted"


def test_simple_salesforce_reads_all_pages(org: Org) -> None:
    wanted = [record_id("00Q", n) for n in range(101, 131)]
    org.store.seed("Lead", [{"Id": i, "LastName": "x", "Company": "many"} for i in wanted])
    pages = list(
        org.login().bulk2.Lead.query(
            "SELECT Id FROM Lead WHERE Company = 'many' ORDER BY Id", max_records=12, wait=0.05
        )
    )
    assert len(pages) == 3
    found = [row["Id"] for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert found == wanted


def test_simple_salesforce_reads_deleted_rows_too(org: Org) -> None:
    everything = "".join(
        org.login().bulk2.Lead.query_all("SELECT Id, IsDeleted FROM Lead", wait=0.05)
    )
    assert f'"{DELETED_LEAD}","true"' in everything


def test_simple_salesforce_sees_a_failed_job(org: Org) -> None:
    org.fault("/jobs/query", "job_failed", message="InternalServerError : retried 15 times")
    with pytest.raises(SalesforceOperationError, match="retried 15 times"):
        list(org.login().bulk2.Lead.query("SELECT Id FROM Lead", wait=0.05))


def test_a_locator_of_another_kind(org: Org) -> None:
    rest = Rest(org)
    job = start(rest, "SELECT Id FROM Lead")
    answer = rest("GET", f"/{job['id']}/results", params={"locator": "!!"})
    assert answer.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
