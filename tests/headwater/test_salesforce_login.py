"""Logins to the local Salesforce: which failures pass, which do not, and what errors don't say."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import CredentialError, HeadwaterError, VendorUnavailableError
from headwater.salesforce_login import log_in
from headwater.settings import Settings
from headwater.system_settings import SalesforceSettings
from tests.sandbox.conftest import Served, served

__all__ = ["served"]
TOKEN = "/services/oauth2/token"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, http_retries=0, http_timeout_seconds=5)


def account(url: str, known: dict[str, Any], **changes: str) -> SalesforceSettings:
    fields = {
        "domain": "groupgrub.my",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
        "base_url": url,
    }
    return SalesforceSettings.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("status", {"status": 503, "body": "<html>Down for maintenance</html>"}),
        ("status", {"status": 200, "body": "<html>hello</html>"}),
        ("status", {"status": 200, "body": {"access_token": "00D-a-secret"}}),
        ("truncate", {"bytes": 60, "clean": True}),
        ("reset", {}),
        ("login_refused", {}),
    ],
)
def test_an_org_that_cannot_log_in_just_now_is_no_wrong_secret(
    served: Served,
    settings: Settings,
    kind: str,
    params: dict[str, Any],
) -> None:
    org = account(f"{served.url}/salesforce", served.credentials["salesforce"])
    token, instance = log_in(org, settings)
    assert token and "/" not in instance
    served.fault("salesforce", TOKEN, kind, **params)
    with pytest.raises(VendorUnavailableError, match=r"groupgrub\.my") as raised:
        log_in(org, settings)
    _says_no_secret(raised.value, org, token)
    assert log_in(org, settings)[1] == instance


def test_a_hiccup_is_tried_again_at_once(served: Served, settings: Settings) -> None:
    served.fault("salesforce", TOKEN, "status", status=503)
    patient = settings.model_copy(update={"http_retries": 1})
    assert log_in(account(f"{served.url}/salesforce", served.credentials["salesforce"]), patient)


def test_a_wrong_secret_is_named_and_not_shown(served: Served, settings: Settings) -> None:
    org = account(
        f"{served.url}/salesforce", served.credentials["salesforce"], client_secret="hunter2"
    )
    with pytest.raises(CredentialError, match=r"invalid client credentials.*SALESFORCE_") as raised:
        log_in(org, settings)
    _says_no_secret(raised.value, org)


def test_an_org_that_never_answers_is_not_waited_for_for_ever(settings: Settings) -> None:
    hasty = settings.model_copy(update={"http_timeout_seconds": 0.1})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(VendorUnavailableError):
            log_in(account(url, {"client_id": "a", "client_secret": "b"}), hasty)


def _says_no_secret(error: HeadwaterError, org: SalesforceSettings, token: str = "00D-a") -> None:
    said = str(error)
    assert org.client_secret.get_secret_value() not in said
    assert token not in said and "00D" not in said
