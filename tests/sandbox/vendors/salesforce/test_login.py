"""Every way in, driven by simple-salesforce; and what a wrong credential is told."""

from __future__ import annotations

import time
from datetime import timedelta

import jwt
import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from tests.sandbox.conftest import NOW
from tests.sandbox.vendors.salesforce.conftest import Org

USERNAME, PASSWORD, TOKEN = "ops@groupgrub.example", "correct horse", "T0ken"


def test_client_credentials_by_basic_header(shared_org: Org) -> None:
    assert shared_org.login().query("SELECT COUNT() FROM Account")["totalSize"] == 1


def test_client_credentials_by_form(shared_org: Org) -> None:
    known = shared_org.served.credentials["salesforce"]
    answer = requests.post(
        f"{shared_org.base_url}/services/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": known["client_id"],
            "client_secret": known["client_secret"],
        },
        timeout=5,
    ).json()
    assert set(answer) == {
        "access_token",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
        "signature",
        "scope",
    }
    assert answer["issued_at"] == str(int(NOW.timestamp() * 1000))
    assert answer["access_token"].startswith("00D")


def test_password_by_soap(shared_org: Org) -> None:
    sf = Salesforce(
        session=shared_org.http(), username=USERNAME, password=PASSWORD, security_token=TOKEN
    )
    assert sf.sf_instance == "groupgrub.my.salesforce.com"
    assert sf.query("SELECT Name FROM Account")["records"][0]["Name"] == "Acme"


@pytest.mark.parametrize(
    ("password", "token", "code"),
    [("wrong", TOKEN, "INVALID_LOGIN"), (PASSWORD, "", "LOGIN_MUST_USE_SECURITY_TOKEN")],
)
def test_soap_refuses(shared_org: Org, password: str, token: str, code: str) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(
            session=shared_org.http(), username=USERNAME, password=password, security_token=token
        )
    assert refused.value.code == code


def test_soap_login_is_gone_from_version_65(org: Org) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(
            session=org.http(),
            username=USERNAME,
            password=PASSWORD,
            security_token=TOKEN,
            version="65.0",
        )
    assert refused.value.code == "UNSUPPORTED_API_VERSION"


def test_password_by_oauth(shared_org: Org) -> None:
    known = shared_org.served.credentials["salesforce"]
    sf = Salesforce(
        session=shared_org.http(),
        username=USERNAME,
        password=PASSWORD + TOKEN,
        consumer_key=known["client_id"],
        consumer_secret=known["client_secret"],
    )
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == 2


def test_jwt_bearer(shared_org: Org) -> None:
    known = shared_org.served.credentials["salesforce"]
    sf = Salesforce(
        session=shared_org.http(),
        username=USERNAME,
        consumer_key=known["client_id"],
        privatekey=shared_org.private_key,
    )
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == 2


@pytest.mark.parametrize(
    ("claims", "description"),
    [
        ({"sub": "somebody@else.example"}, "user hasn't approved this consumer"),
        ({"aud": "https://example.com"}, "audience is invalid"),
        ({"exp": 1_000_000_000}, "expired authorization code"),
        ({"exp": time.time() + 86_400}, "expired authorization code"),
    ],
)
def test_jwt_claims_are_checked(
    shared_org: Org, claims: dict[str, object], description: str
) -> None:
    payload = {
        "iss": shared_org.served.credentials["salesforce"]["client_id"],
        "sub": USERNAME,
        "aud": "https://login.salesforce.com",
        "exp": time.time() + 60,
        **claims,
    }
    answer = _jwt_answer(shared_org, jwt.encode(payload, shared_org.private_key, algorithm="RS256"))
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": description}


def test_jwt_signature_is_checked(shared_org: Org) -> None:
    payload = {
        "iss": shared_org.served.credentials["salesforce"]["client_id"],
        "sub": USERNAME,
        "aud": "https://login.salesforce.com",
        "exp": time.time() + 60,
    }
    head, body, _ = jwt.encode(payload, shared_org.private_key, algorithm="RS256").split(".")
    forged = _jwt_answer(shared_org, f"{head}.{body}.AAAA")
    assert forged.json()["error_description"] == "invalid assertion"
    shared = jwt.encode(payload, "a shared secret that is long enough", algorithm="HS256")
    assert _jwt_answer(shared_org, shared).json()["error_description"] == "invalid assertion"


def _jwt_answer(org: Org, assertion: str) -> requests.Response:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return requests.post(f"{org.base_url}/services/oauth2/token", data=form, timeout=5)


def test_a_refresh_token_works_once_and_gives_the_next(org: Org) -> None:
    known = org.served.credentials["salesforce"]
    form = {"grant_type": "refresh_token", "client_id": known["client_id"]}
    url = f"{org.base_url}/services/oauth2/token"
    first = requests.post(url, data={**form, "refresh_token": "first-refresh-token"}, timeout=5)
    fresh = first.json()["refresh_token"]
    again = requests.post(url, data={**form, "refresh_token": "first-refresh-token"}, timeout=5)
    assert again.json()["error_description"] == "expired access/refresh token"
    assert requests.post(url, data={**form, "refresh_token": fresh}, timeout=5).ok


def test_wrong_client_secret(shared_org: Org) -> None:
    known = shared_org.served.credentials["salesforce"]
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        Salesforce(
            session=shared_org.http(),
            consumer_key=known["client_id"],
            consumer_secret="wrong",
            domain="acme.my",
        )
    assert refused.value.code == "invalid_client"


@pytest.mark.parametrize(
    ("header", "code", "message"),
    [
        (None, "INVALID_SESSION_ID", "Session expired or invalid"),
        ("Bearer nonsense", "INVALID_SESSION_ID", "Session expired or invalid"),
        ("Token x", "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"),
    ],
)
def test_no_session(shared_org: Org, header: str | None, code: str, message: str) -> None:
    answer = requests.get(
        f"{shared_org.base_url}/services/data/v62.0/limits",
        headers={"Authorization": header} if header else {},
        timeout=5,
    )
    assert answer.status_code == 401
    assert answer.json() == [{"message": message, "errorCode": code}]


def test_the_oauth_scheme_word_is_accepted(shared_org: Org) -> None:
    sf = shared_org.login()
    answer = requests.get(
        f"{shared_org.base_url}/services/data/v62.0/limits",
        headers={"Authorization": f"OAuth {sf.session_id}"},
        timeout=5,
    )
    assert answer.status_code == 200


def test_a_session_ends_after_its_life_on_the_virtual_clock(org: Org) -> None:
    sf = org.login()
    without_credentials = Salesforce(
        session=org.http(),
        instance_url="https://groupgrub.my.salesforce.com",
        session_id=sf.session_id,
        version="62.0",
    )
    org.served.clock.set(NOW + timedelta(hours=1, minutes=59))
    assert without_credentials.query("SELECT COUNT() FROM Lead")["totalSize"] == 2
    org.served.clock.set(NOW + timedelta(hours=2))
    with pytest.raises(SalesforceExpiredSession):
        without_credentials.query("SELECT COUNT() FROM Lead")
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == 2  # logs in again by itself


def test_an_expired_token_on_demand_is_dead_for_good(org: Org) -> None:
    sf = org.login()
    old = sf.session_id
    org.fault("/query", "expired_token")
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == 2
    assert sf.session_id != old
    answer = requests.get(
        f"{org.base_url}/services/data/v62.0/limits",
        headers={"Authorization": f"Bearer {old}"},
        timeout=5,
    )
    assert answer.status_code == 401


def test_a_throttled_login(org: Org) -> None:
    org.fault("/services/oauth2/token", "login_refused")
    with pytest.raises(SalesforceAuthenticationFailed, match="login rate exceeded"):
        org.login()
    assert org.login().session_id
