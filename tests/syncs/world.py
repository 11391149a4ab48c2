"""Syncs of this repository against the served sandbox, from models as they would be built."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from headwater.settings import Settings
from headwater.warehouse import connect
from sandbox.credentials import ACCOUNTS_PROJECT_ID
from syncs.run import run
from tests.sandbox.conftest import Served
from tests.syncs.bench import QuietClock

COLUMNS = {
    "salesforce__signup_leads": "user_id varchar, organization_id varchar, first_name varchar, "
    "last_name varchar, email varchar, company varchar, title varchar, country varchar, "
    "lead_source varchar, has_opted_out_of_email boolean, do_not_call boolean, "
    "icp_tier varchar, icp_score double, icp_reasons varchar, is_pql boolean, pql_reasons varchar",
    "salesforce__account_scores": "sfdc_account_id varchar, icp_tier varchar, icp_score double, "
    "icp_reasons varchar, is_pql boolean, pql_reasons varchar, current_icp_tier varchar, "
    "current_icp_score double, current_icp_reasons varchar, current_is_pql boolean, "
    "current_pql_reasons varchar",
    "hubspot__overage_campaign": "email varchar, first_name varchar, last_name varchar, "
    "campaign varchar, workspace_id varchar, workspace_name varchar, meter varchar, "
    "used_share double",
    "launchdarkly__paywall": "workspace_id varchar",
    "outreach__prospects": "person_key varchar, email varchar, first_name varchar, "
    "last_name varchar, title varchar, company varchar",
    "outreach__sdr_tasks": "task_key varchar, person_key varchar, workspace_id varchar, "
    "due_at timestamp, note varchar",
    "mixpanel__account_events": "insert_id varchar, event varchar, event_at timestamp, "
    "distinct_id varchar, user_id varchar, workspace_id varchar, platform varchar",
    "product__in_app_banners": "workspace_id varchar, banner_code varchar, headline varchar, "
    "meter varchar, used bigint, included bigint, period_end date",
}


class World:
    """A scratch home pointed at the served sandbox."""

    def __init__(self, sandbox: Served, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        known = sandbox.credentials
        self.served = sandbox
        self.settings = Settings(home=tmp_path / "home", http_retries=1)
        self.clock = QuietClock(datetime(2025, 8, 29, tzinfo=UTC))
        environment = {
            "SALESFORCE_DOMAIN": "acme.my",
            "SALESFORCE_CLIENT_ID": known["salesforce"]["client_id"],
            "SALESFORCE_CLIENT_SECRET": known["salesforce"]["client_secret"],
            "SALESFORCE_BASE_URL": f"{sandbox.url}/salesforce",
            "HUBSPOT_ACCESS_TOKEN": known["hubspot"]["access_token"],
            "HUBSPOT_BASE_URL": f"{sandbox.url}/hubspot",
            "LAUNCHDARKLY_ACCESS_TOKEN": known["launchdarkly"]["access_token"],
            "LAUNCHDARKLY_PROJECT_KEY": known["launchdarkly"]["project_key"],
            "LAUNCHDARKLY_ENVIRONMENT_KEY": known["launchdarkly"]["environment_key"],
            "LAUNCHDARKLY_BASE_URL": f"{sandbox.url}/launchdarkly",
            "OUTREACH_CLIENT_ID": known["outreach"]["client_id"],
            "OUTREACH_CLIENT_SECRET": known["outreach"]["client_secret"],
            "OUTREACH_REFRESH_TOKEN": known["outreach"]["refresh_token"],
            "OUTREACH_BASE_URL": f"{sandbox.url}/outreach",
            "MIXPANEL_SERVICE_ACCOUNT_USERNAME": known["mixpanel"]["username"],
            "MIXPANEL_SERVICE_ACCOUNT_SECRET": known["mixpanel"]["secret"],
            "MIXPANEL_PROJECT_ID": "1",
            "MIXPANEL_ACCOUNTS_PROJECT_ID": str(ACCOUNTS_PROJECT_ID),
            "MIXPANEL_IMPORT_BASE_URL": f"{sandbox.url}/mixpanel",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    def model(self, name: str, *content: tuple[Any, ...]) -> None:
        with connect(self.settings) as connection:
            connection.execute("create schema if not exists activation")
            connection.execute(f"create or replace table activation.{name} ({COLUMNS[name]})")
            if content:
                columns = {
                    f"c{n}": list(cells) for n, cells in enumerate(zip(*content, strict=True))
                }
                connection.register("content", pa.table(columns))
                connection.execute(f"insert into activation.{name} select * from content")

    def run(self, name: str, **options: Any) -> Any:
        return run(name, self.settings, self.clock, "cycle", **options)

    def stored(self, vendor: str, table: str) -> list[dict[str, Any]]:
        return self.served.stores[vendor].rows(table)


def prospect(number: int, **changes: Any) -> tuple[Any, ...]:
    row = {
        "person_key": f"person-{number}",
        "email": f"p{number}@example.com",
        "first_name": "Pat",
        "last_name": "Lee",
        "title": "Office manager",
        "company": "Acme",
        **changes,
    }
    return tuple(row.values())


def task(number: int) -> tuple[Any, ...]:
    return (f"t{number}", f"person-{number}", "w", datetime(2025, 9, 1), f"Note {number}")
