"""Bulk API 2.0 ingest: states, one upload a job, result files to the byte, what fails."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.clock import VirtualClock
from sandbox.vendors.salesforce import bulk_worker, jobs, schema
from tests.sandbox.conftest import serve
from tests.sandbox.vendors.salesforce.conftest import (
    ACCOUNT,
    CONTACT,
    CONVERTED_LEAD,
    DELETED_LEAD,
    LEAD,
    Org,
    record_id,
)


class Ingest:
    """The calls of one ingest job."""

    def __init__(self, org: Org, operation: str, name: str = "Lead", **body: Any) -> None:
        self.base = f"{org.base_url}/services/data/v62.0/jobs/ingest"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {org.login().session_id}"
        answer = self.session.post(
            self.base, json={"object": name, "operation": operation, **body}, timeout=10
        )
        self.created = answer.json()
        assert answer.status_code == 200, self.created
        self.url = f"{self.base}/{self.created['id']}"

    def upload(self, content: str | bytes) -> requests.Response:
        return self.session.put(
            f"{self.url}/batches",
            data=content if isinstance(content, bytes) else content.encode(),
            headers={"Content-Type": "text/csv"},
            timeout=10,
        )

    def close(self) -> requests.Response:
        return self.session.patch(self.url, json={"state": "UploadComplete"}, timeout=10)

    def info(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.session.get(self.url, timeout=10).json()
        return answer

    def run(self, content: str) -> dict[str, Any]:
        assert self.upload(content).status_code == 201
        assert self.close().status_code == 200
        return self.ended()

    def ended(self) -> dict[str, Any]:
        for _ in range(500):
            job = self.info()
            if job["state"] in jobs.TERMINAL:
                return job
            time.sleep(0.01)
        raise AssertionError(f"the job never ended: {job}")

    def text(self, which: str) -> str:
        answer = self.session.get(f"{self.url}/{which}", timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.content.decode()

    def errors(self) -> dict[str, str]:
        """Per row, by its first own column, the error."""
        rows = list(csv.reader(io.StringIO(self.text("failedResults"))))[1:]
        assert all(row[0] == "" for row in rows)
        return {row[2]: row[1] for row in rows}


def leads(org: Org) -> dict[str, dict[str, Any]]:
    return {r["Id"]: r for r in org.store.rows("Lead")}


def test_a_job_from_start_to_end(org: Org) -> None:
    job = Ingest(org, "upsert", externalIdFieldName="PLG_User_Id__c", lineEnding="LF")
    created = job.created
    assert (created["state"], created["apiVersion"], created["contentType"]) == (
        "Open",
        62.0,
        "CSV",
    )
    assert created["contentUrl"] == f"services/data/v62.0/jobs/ingest/{created['id']}/batches"
    answer = job.upload("PLG_User_Id__c,Title\nu-1,x\n")
    assert (answer.status_code, answer.content) == (201, b"")
    closed = job.close().json()
    assert closed["state"] == "UploadComplete"
    assert not {"contentUrl", "lineEnding", "columnDelimiter"} & set(closed)
    done = job.ended()
    assert done["state"] == "JobComplete"
    assert (done["jobType"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (
        "V2Ingest",
        1,
        0,
    )
    assert "errorMessage" not in done
    assert job.session.get(job.base, timeout=5).json()["records"][0]["id"] == created["id"]
    assert job.session.delete(job.url, timeout=5).status_code == 204
    assert job.session.get(job.url, timeout=5).status_code == 404


def test_result_files_to_the_byte(org: Org) -> None:
    job = Ingest(org, "upsert", externalIdFieldName="PLG_User_Id__c")
    done = job.run('PLG_User_Id__c,"LastName",Company\nu-1,"O""X",Co\nu-8,New,\n')
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 1)
    assert job.text("successfulResults") == (
        '"sf__Id","sf__Created",PLG_User_Id__c,"LastName",Company\n'
        f'"{LEAD}","false","u-1","O""X","Co"\n'
    )
    assert job.text("failedResults") == (
        '"sf__Id","sf__Error",PLG_User_Id__c,"LastName",Company\n'
        '"","REQUIRED_FIELD_MISSING:Required fields are missing: [Company]:Company --",'
        '"u-8","New",""\n'
    )
    assert job.text("unprocessedrecords") == 'PLG_User_Id__c,"LastName",Company\n'
    assert job.text("unprocessedRecords") == job.text("unprocessedrecords")


def test_created_is_told_from_updated_and_order_is_not_input_order(org: Org) -> None:
    job = Ingest(org, "upsert", externalIdFieldName="PLG_User_Id__c")
    names = ["u-1", *(f"new-{n}" for n in range(50))]
    job.run("PLG_User_Id__c,LastName,Company\n" + "".join(f"{n},L,C\n" for n in names))
    rows = list(csv.DictReader(io.StringIO(job.text("successfulResults"))))
    assert {r["PLG_User_Id__c"] for r in rows} == set(names)
    assert [r["PLG_User_Id__c"] for r in rows] != names
    assert {r["PLG_User_Id__c"] for r in rows if r["sf__Created"] == "false"} == {"u-1"}
    stored = {r["PLG_User_Id__c"]: r["Id"] for r in leads(org).values()}
    assert all(stored[r["PLG_User_Id__c"]] == r["sf__Id"] for r in rows)
    assert job.text("successfulResults") == job.text("successfulResults")


def test_empty_leaves_and_na_clears(org: Org) -> None:
    job = Ingest(org, "update")
    job.run(f"Id,FirstName,Email,PLG_PQL__c\n{LEAD},,#N/A,0\n")
    lead = leads(org)[LEAD]
    assert (lead["FirstName"], lead["Email"], lead["PLG_PQL__c"]) == ("Ann", None, False)


def test_rows_fail_in_salesforces_grammar(org: Org) -> None:
    job = Ingest(org, "update")
    done = job.run(
        "Id,ConvertedDate,PLG_ICP_Score__c,Email,OwnerId\n"
        f"{CONVERTED_LEAD},,1,,\n"
        f"{DELETED_LEAD},,1,,\n"
        f"{record_id('00Q', 404)},,1,,\n"
        f"{LEAD},,lots,,\n"
        f"{LEAD[:15]},,,nonsense,\n"
        f"{ACCOUNT},,1,,\n"
    )
    assert (done["state"], done["numberRecordsFailed"]) == ("JobComplete", 6)
    errors = job.errors()
    assert errors[CONVERTED_LEAD] == (
        "CANNOT_UPDATE_CONVERTED_LEAD:cannot reference converted lead:--"
    )
    assert errors[DELETED_LEAD] == "ENTITY_IS_DELETED:entity is deleted:--"
    assert errors[record_id("00Q", 404)] == (
        "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
    )
    assert errors[LEAD] == (
        "INVALID_FIELD:Failed to deserialize field at col 2. Due to, 'lots' is not a valid value "
        "for the type xsd:double:PLG_ICP_Score__c --"
    )
    assert errors[LEAD[:15]] == (
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: nonsense:Email --"
    )
    assert errors[ACCOUNT] == f"MALFORMED_ID:Lead ID: id value of incorrect type: {ACCOUNT}:Id --"


def test_a_wrong_date_and_a_read_only_column(org: Org) -> None:
    job = Ingest(org, "insert", "Opportunity")
    job.run("Name,StageName,CloseDate\nA,Proposal,2003-04-99\n")
    assert job.errors()["A"] == (
        "INVALID_FIELD:Failed to deserialize field at col 2. Due to, '2003-04-99' is not a valid "
        "value for the type xsd:date:CloseDate --"
    )
    read_only = Ingest(org, "insert", "Opportunity")
    read_only.run("Name,StageName,CloseDate,IsWon\nA,Proposal,2025-04-09,true\n")
    assert read_only.errors()["A"].startswith("INVALID_FIELD_FOR_INSERT_UPDATE:")


def test_an_external_id_that_repeats_fails_each_of_its_rows(org: Org) -> None:
    job = Ingest(org, "upsert", externalIdFieldName="PLG_User_Id__c")
    job.run("LastName,PLG_User_Id__c,Company\na,same,C\nb,SAME,C\nc,other,C\nd,,C\n")
    assert job.errors() == {
        "a": "DUPLICATE_VALUE:Duplicate external id specified: same:--",
        "b": "DUPLICATE_VALUE:Duplicate external id specified: SAME:--",
        "d": "MISSING_ARGUMENT:PLG_User_Id__c not specified:PLG_User_Id__c --",
    }


def test_a_unique_value_that_another_record_has(org: Org) -> None:
    job = Ingest(org, "insert")
    job.run("LastName,Company,PLG_User_Id__c\na,C,u-1\nb,C,u-3\n")
    assert job.errors() == {
        "a": "DUPLICATE_VALUE:duplicate value found: PLG_User_Id__c duplicates value on record "
        f"with id: {LEAD}:--"
    }


def test_delete(org: Org) -> None:
    job = Ingest(org, "delete", "Contact")
    done = job.run(f"Id\n{CONTACT}\n{CONTACT}\n")
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 1)
    assert (
        job.text("successfulResults")
        == f'"sf__Id","sf__Created",Id\n"{CONTACT}","false","{CONTACT}"\n'
    )
    assert org.store.rows("Contact")[0]["IsDeleted"] is True


def test_a_parent_by_its_key(org: Org) -> None:
    job = Ingest(org, "update")
    job.run(f"Id,Owner.Email\n{LEAD},REP@gg.example\n{CONVERTED_LEAD},who@gg.example\n")
    assert leads(org)[LEAD]["OwnerId"] == record_id("005", 1)
    assert job.errors()[CONVERTED_LEAD] == (
        "INVALID_FIELD:Foreign key external ID: who@gg.example not found for field Email in entity "
        "User:--"
    )


@pytest.mark.parametrize(
    ("body", "content", "message"),
    [
        ({}, "LastName,Nope,Neither\na,b,c\n", "InvalidBatch : Field name not found : Nope"),
        (
            {"lineEnding": "LF"},
            "LastName,Company\r\na,b\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
            "LF",
        ),
        (
            {"lineEnding": "CRLF"},
            "LastName,Company\na,b\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
            "CRLF",
        ),
        (
            {},
            "LastName,Company\na,b,c\n",
            "InvalidBatch : Row 1 has 3 columns, the header has 2",
        ),
    ],
)
def test_a_job_that_fails_as_a_whole(
    shared_org: Org, body: dict[str, str], content: str, message: str
) -> None:
    before = leads(shared_org)
    job = Ingest(shared_org, "insert", **body)
    done = job.run(content)
    assert (done["state"], done["errorMessage"]) == ("Failed", message)
    assert (done["numberRecordsProcessed"], leads(shared_org)) == (0, before)


def test_upsert_needs_its_key_column(org: Org) -> None:
    job = Ingest(org, "upsert", externalIdFieldName="PLG_User_Id__c")
    assert job.run("LastName,Company\na,b\n")["errorMessage"] == (
        "InvalidBatch : Missing required header PLG_User_Id__c"
    )


def test_a_header_alone_completes_with_no_rows(org: Org) -> None:
    done = Ingest(org, "insert").run("LastName,Company\n")
    assert (done["state"], done["numberRecordsProcessed"]) == ("JobComplete", 0)


def test_other_delimiters_and_line_breaks_in_cells(org: Org) -> None:
    job = Ingest(org, "insert", lineEnding="CRLF", columnDelimiter="SEMICOLON")
    done = job.run('LastName;Company;Description\r\na;C;"one\ntwo"\r\n')
    assert done["state"] == "JobComplete"
    assert [r["Description"] for r in leads(org).values() if r["LastName"] == "a"] == ["one\ntwo"]


def test_one_upload_per_job_and_no_step_twice(org: Org) -> None:
    job = Ingest(org, "insert")
    early = job.session.get(f"{job.url}/successfulResults", timeout=5)
    assert (early.status_code, early.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    assert job.session.delete(job.url, timeout=5).status_code == 400
    job.upload("LastName,Company\na,C\n")
    second = job.upload("LastName,Company\nb,C\n")
    assert second.status_code == 400
    assert "Found multiple contents for job" in second.json()[0]["message"]
    job.close()
    assert job.close().json()[0]["errorCode"] == "INVALIDJOBSTATE"
    job.ended()
    assert job.session.patch(job.url, json={"state": "Aborted"}, timeout=5).status_code == 400


def test_an_aborted_job_writes_nothing(org: Org) -> None:
    before = leads(org)
    job = Ingest(org, "insert")
    job.upload("LastName,Company\na,C\n")
    aborted = job.session.patch(job.url, json={"state": "Aborted"}, timeout=5)
    assert aborted.json()["state"] == "Aborted"
    assert leads(org) == before
    assert job.text("unprocessedrecords") == 'LastName,Company\n"a","C"\n'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"object": "Nothing", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "Lead", "operation": "merge"}, "INVALIDJOB"),
        ({"object": "Lead", "operation": "upsert"}, "INVALIDJOB"),
        ({"object": "Lead", "operation": "upsert", "externalIdFieldName": "Title"}, "INVALIDJOB"),
        ({"object": "Lead", "operation": "hardDelete"}, "FEATURENOTENABLED"),
    ],
)
def test_no_such_job(shared_org: Org, body: dict[str, str], code: str) -> None:
    answer = requests.post(
        f"{shared_org.base_url}/services/data/v62.0/jobs/ingest",
        json=body,
        headers={"Authorization": f"Bearer {shared_org.login().session_id}"},
        timeout=5,
    )
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_too_large_an_upload(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schema.org()["bulk"], "upload_bytes", 20)
    job = Ingest(org, "insert")
    assert job.upload("LastName,Company\na,C\n").status_code == 413
    assert job.info()["state"] == "Open"


def test_another_media_type(org: Org) -> None:
    job = Ingest(org, "insert")
    answer = job.session.put(f"{job.url}/batches", json=[], timeout=5)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_failed_job_has_committed_and_unprocessed_rows(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(schema.org()["bulk"], "chunk_rows", 2)
    org.fault("/jobs/ingest", "job_failed", after_rows=3, method="PATCH")
    job = Ingest(org, "insert")
    done = job.run("LastName,Company\n" + "".join(f"n{n},C\n" for n in range(5)))
    assert (done["state"], done["numberRecordsProcessed"]) == ("Failed", 3)
    assert job.text("successfulResults").count("\n") == 4
    assert job.text("unprocessedrecords") == 'LastName,Company\n"n3","C"\n"n4","C"\n'


def test_locked_rows_and_partial_failure(org: Org) -> None:
    org.fault("/jobs/ingest", "locked_row", every_nth=2, method="PATCH")
    org.fault(
        "/jobs/ingest",
        "partial_failure",
        keys=["n0"],
        code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
        message="Not today",
        method="PATCH",
    )
    job = Ingest(org, "insert")
    done = job.run("LastName,Company\n" + "".join(f"n{n},C\n" for n in range(4)))
    assert (done["state"], done["numberRecordsFailed"]) == ("JobComplete", 3)
    errors = job.errors()
    assert errors["n0"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION:Not today:--"
    assert errors["n1"].startswith(
        "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: "
    )


def test_a_slow_job_is_in_progress_for_some_polls(org: Org) -> None:
    org.fault("/jobs/ingest", "slow_job", polls=2, method="PATCH")
    job = Ingest(org, "insert")
    job.upload("LastName,Company\na,C\n")
    job.close()
    assert [job.info()["state"] for _ in range(2)] == ["InProgress", "InProgress"]
    assert job.ended()["state"] == "JobComplete"


def test_a_restarted_server_finishes_what_was_closed(
    org: Org, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Ingest(org, "insert")
    job.upload("LastName,Company\nlate,C\n")
    with monkeypatch.context() as patch:
        patch.setattr(bulk_worker, "submit", lambda org, job_id: None)
        job.close()
    assert job.info()["state"] == "UploadComplete"
    with serve(tmp_path, VirtualClock(tmp_path / "clock.json")) as restarted:
        assert restarted.stores["salesforce"]  # which its server makes as it starts
        assert job.ended()["state"] == "JobComplete"
    assert [r["LastName"] for r in leads(org).values()].count("late") == 1


def test_simple_salesforce_drives_every_operation(org: Org) -> None:
    bulk = org.login().bulk2.Lead
    inserted = bulk.insert(
        records=[
            {"LastName": "A", "Company": "C", "PLG_User_Id__c": "b-1"},
            {"LastName": "B", "Company": "", "PLG_User_Id__c": "b-2"},
        ],
        wait=0.05,
    )[0]
    assert (inserted["numberRecordsProcessed"], inserted["numberRecordsFailed"]) == (2, 1)
    results = bulk.get_all_ingest_records(inserted["job_id"])
    assert [r["PLG_User_Id__c"] for r in results["successfulRecords"]] == ["b-1"]
    assert [r["PLG_User_Id__c"] for r in results["failedRecords"]] == ["b-2"]
    assert results["unprocessedRecords"] == []
    wanted = results["successfulRecords"][0]["sf__Id"]

    upserted = bulk.upsert(
        records=[{"PLG_User_Id__c": "b-1", "Title": "up"}],
        external_id_field="PLG_User_Id__c",
        wait=0.05,
    )[0]
    assert upserted["numberRecordsFailed"] == 0
    assert leads(org)[wanted]["Title"] == "up"
    bulk.update(records=[{"Id": wanted, "Title": "#N/A"}], wait=0.05)
    assert leads(org)[wanted]["Title"] is None
    bulk.delete(records=[{"Id": wanted}], wait=0.05)
    assert leads(org)[wanted]["IsDeleted"] is True
