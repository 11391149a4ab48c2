"""The settings that point Headwater at the sandbox, as a dict and as a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sandbox import credentials
from sandbox.clock import clock_in
from sandbox.company.loading import EVENT_FILES
from sandbox.company.marketo import SET_UP
from sandbox.company.sheet import SHEET_NAME
from sandbox.company.timeline import START, day
from sandbox.postgres import Postgres
from sandbox.vendors.mixpanel.store import project_token

DEFAULT_PORT = 8787
DEFAULT_POSTGRES_PORT = 54987


def port() -> int:
    """Where the vendors are served: ``SANDBOX_PORT``."""
    return int(os.environ.get("SANDBOX_PORT", DEFAULT_PORT))


def postgres_port() -> int:
    """Where PostgreSQL is served: ``SANDBOX_POSTGRES_PORT``."""
    return int(os.environ.get("SANDBOX_POSTGRES_PORT", DEFAULT_POSTGRES_PORT))


def base_url() -> str:
    """The address under which each vendor has its path."""
    return f"http://127.0.0.1:{port()}"


def environment(home: Path) -> dict[str, str]:
    """All settings of Headwater for the sandbox in ``home``, as environment variables.

    ``HEADWATER_AS_OF`` is the sandbox's present. Writes the service-account file that the sheet's
    connector reads.
    """
    known = credentials.read(home)
    base = base_url()
    database = Postgres(home, postgres_port())
    product_project, accounts_project = known["mixpanel"]["project_ids"]
    return {
        "HEADWATER_AS_OF": clock_in(home).now().isoformat(),
        "HEADWATER_HISTORY_START": START.date().isoformat(),
        "PRODUCT_DATABASE_URL": database.url("headwater_reader"),
        "PRODUCT_WRITER_DATABASE_URL": database.url("headwater_writer"),
        "MIXPANEL_SERVICE_ACCOUNT_USERNAME": known["mixpanel"]["username"],
        "MIXPANEL_SERVICE_ACCOUNT_SECRET": known["mixpanel"]["secret"],
        "MIXPANEL_PROJECT_ID": str(product_project),
        "MIXPANEL_ACCOUNTS_PROJECT_ID": str(accounts_project),
        "MIXPANEL_EXPORT_BASE_URL": f"{base}/mixpanel",
        "MIXPANEL_IMPORT_BASE_URL": f"{base}/mixpanel",
        "MIXPANEL_PROJECT_TOKEN": project_token(product_project),
        "MIXPANEL_GDPR_TOKEN": known["mixpanel"]["gdpr_token"],
        "MIXPANEL_APP_BASE_URL": f"{base}/mixpanel",
        "SALESFORCE_DOMAIN": "groupgrub.my",
        "SALESFORCE_CLIENT_ID": known["salesforce"]["client_id"],
        "SALESFORCE_CLIENT_SECRET": known["salesforce"]["client_secret"],
        "SALESFORCE_BASE_URL": f"{base}/salesforce",
        "HUBSPOT_ACCESS_TOKEN": known["hubspot"]["access_token"],
        "HUBSPOT_BASE_URL": f"{base}/hubspot",
        "CRUNCHBASE_USER_KEY": known["crunchbase"]["user_key"],
        "CRUNCHBASE_BASE_URL": f"{base}/crunchbase",
        "EXCLUSIONS_SHEET_ID": known["google"]["spreadsheet_id"],
        "EXCLUSIONS_SHEET_RANGE": SHEET_NAME,
        "EXCLUSIONS_SHEET_SERVICE_ACCOUNT_FILE": str(_service_account(home, known["google"])),
        "EXCLUSIONS_SHEET_BASE_URL": f"{base}/google",
        "EVENT_FILES_LOCATION": (home / EVENT_FILES).resolve().as_uri(),
        "APP_INTELLIGENCE_CLIENT": known["app_intelligence"]["client"],
        "APP_INTELLIGENCE_SECRET": known["app_intelligence"]["secret"],
        "APP_INTELLIGENCE_BASE_URL": f"{base}/app_intelligence",
        "WEB_RANK_TRANCO_BASE_URL": f"{base}/web_rank",
        "WEB_RANK_SIMILARWEB_API_KEY": known["web_rank"]["similarweb_api_key"],
        "WEB_RANK_SIMILARWEB_BASE_URL": f"{base}/web_rank",
        "WEB_RANK_VISITS_DOMAINS_A_RUN": "10",
        "LAUNCHDARKLY_ACCESS_TOKEN": known["launchdarkly"]["access_token"],
        "LAUNCHDARKLY_PROJECT_KEY": known["launchdarkly"]["project_key"],
        "LAUNCHDARKLY_ENVIRONMENT_KEY": known["launchdarkly"]["environment_key"],
        "LAUNCHDARKLY_BASE_URL": f"{base}/launchdarkly",
        "OUTREACH_CLIENT_ID": known["outreach"]["client_id"],
        "OUTREACH_CLIENT_SECRET": known["outreach"]["client_secret"],
        "OUTREACH_REFRESH_TOKEN": known["outreach"]["refresh_token"],
        "OUTREACH_BASE_URL": f"{base}/outreach",
        "MARKETO_MUNCHKIN_ID": known["marketo"]["munchkin_id"],
        "MARKETO_CLIENT_ID": known["marketo"]["client_id"],
        "MARKETO_CLIENT_SECRET": known["marketo"]["client_secret"],
        "MARKETO_BASE_URL": f"{base}/marketo",
        "MARKETO_START": day(SET_UP).isoformat(),
        # The sandbox's jobs take tenths of a second, not minutes.
        "MARKETO_BULK_POLL_SECONDS": "0.25",
        "SUPPORT_SUBDOMAIN": known["zendesk"]["subdomain"],
        "SUPPORT_EMAIL": known["zendesk"]["email"],
        "SUPPORT_API_TOKEN": known["zendesk"]["api_token"],
        "SUPPORT_CHAT_ACCESS_TOKEN": known["zendesk"]["chat_access_token"],
        "SUPPORT_BASE_URL": f"{base}/zendesk",
        "BILLING_API_KEY": known["stripe"]["api_key"],
        "BILLING_BASE_URL": f"{base}/stripe",
    }


def write(home: Path) -> Path:
    """Write the settings to ``<home>/headwater.env``, readable by its owner only."""
    file = home / "headwater.env"
    lines = [f"{name}={value}" for name, value in environment(home).items()]
    _write_private(file, "\n".join(lines) + "\n")
    return file


def _service_account(home: Path, google: dict[str, str]) -> Path:
    file = (home / "google-service-account.json").resolve()
    key = {
        "type": "service_account",
        "project_id": "groupgrub-sandbox",
        "private_key_id": google["private_key_id"],
        "private_key": google["private_key"],
        "client_email": google["client_email"],
        "client_id": "100000000000000000001",
        "token_uri": f"{base_url()}/google/token",
    }
    _write_private(file, json.dumps(key, indent=2) + "\n")
    return file


def _write_private(file: Path, text: str) -> None:
    staged = file.with_name(f"{file.name}.part")
    staged.touch(mode=0o600)
    staged.write_text(text, encoding="utf-8")
    staged.replace(file)
