"""A seeded local Salesforce, and the real simple-salesforce client in front of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from simple_salesforce import Salesforce

from headwater.http import BaseUrlAdapter
from sandbox.clock import VirtualClock
from sandbox.vendors.salesforce import ids
from sandbox.vendors.salesforce.store import Store
from tests.sandbox.conftest import NOW, Served, made_credentials, serve

SEEDED_AT = "2025-08-01T09:00:00.000+0000"


def record_id(prefix: str, number: int) -> str:
    """The id of a seeded record."""
    return ids.make(prefix, "SEED", number)


ACCOUNT, DELETED_ACCOUNT = record_id("001", 1), record_id("001", 2)
LEAD, CONVERTED_LEAD, DELETED_LEAD = (record_id("00Q", n) for n in (1, 2, 3))
CONTACT, CAMPAIGN, OPPORTUNITY = record_id("003", 1), record_id("701", 1), record_id("006", 1)
USER = record_id("005", 1)


@dataclass(frozen=True)
class Org:
    """The served org."""

    served: Served
    store: Store
    base_url: str
    private_key: str

    def http(self) -> requests.Session:
        """A session whose https requests reach the org."""
        session = requests.Session()
        session.mount("https://", BaseUrlAdapter(self.base_url))
        return session

    def login(self, **options: Any) -> Salesforce:
        """simple-salesforce, logged in by client credentials."""
        known = self.served.credentials["salesforce"]
        return Salesforce(
            session=self.http(),
            consumer_key=known["client_id"],
            consumer_secret=known["client_secret"],
            domain="groupgrub.my",
            **{"version": "62.0", **options},
        )

    def fault(self, route: str, kind: str, times: int | None = 1, **params: Any) -> None:
        """Plan a fault of this org."""
        self.served.fault("salesforce", route, kind, times, **params)


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    """A private and a public key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@contextmanager
def running_org(home: Path, key_pair: tuple[str, str]) -> Iterator[Org]:
    """Serve an org with a record or two of each object."""
    private, public = key_pair
    known = json.loads(made_credentials())
    known["salesforce"] |= {
        "username": "ops@groupgrub.example",
        "password": "correct horse",
        "security_token": "T0ken",
        "refresh_token": "first-refresh-token",
        "jwt_public_key": public,
    }
    (home / "credentials.json").write_text(json.dumps(known))
    clock = VirtualClock(home / "clock.json")
    clock.set(NOW)
    with serve(home, clock) as served:
        store = served.stores["salesforce"]
        seed(store)
        yield Org(served, store, f"{served.url}/salesforce", private)


@pytest.fixture
def org(tmp_path: Path, key_pair: tuple[str, str]) -> Iterator[Org]:
    """An org of the test's own."""
    with running_org(tmp_path, key_pair) as running:
        yield running


@pytest.fixture(scope="module")
def shared_org(
    tmp_path_factory: pytest.TempPathFactory, key_pair: tuple[str, str]
) -> Iterator[Org]:
    """An org for tests that change nothing in it."""
    with running_org(tmp_path_factory.mktemp("org"), key_pair) as running:
        yield running


def seed(store: Store) -> None:
    """The records that the tests know by name."""
    stamps = {"CreatedDate": SEEDED_AT, "SystemModstamp": SEEDED_AT}
    store.seed(
        "User",
        [{"Id": USER, "Username": "rep@gg.example", "Name": "Rep", "Email": "rep@gg.example"}],
    )
    store.seed(
        "Account",
        [
            {"Id": ACCOUNT, "Name": "Acme", "NumberOfEmployees": 120, "OwnerId": USER, **stamps},
            {"Id": DELETED_ACCOUNT, "Name": "Gone", "IsDeleted": True, **stamps},
        ],
    )
    store.seed(
        "Lead",
        [
            {
                "Id": LEAD,
                "LastName": "O'Neil",
                "FirstName": "Ann",
                "Company": 'The "Best", Inc.',
                "Email": "ann@acme.example",
                "Status": "Open",
                "PLG_User_Id__c": "u-1",
                "PLG_ICP_Score__c": 23,
                "PLG_PQL__c": True,
                **stamps,
            },
            {
                "Id": CONVERTED_LEAD,
                "LastName": "Converted",
                "Company": "Acme",
                "IsConverted": True,
                "ConvertedDate": "2025-08-02",
                "ConvertedAccountId": ACCOUNT,
                "PLG_User_Id__c": "u-2",
                **stamps,
            },
        ],
    )
    store.seed(
        "Lead",
        [
            {
                "Id": DELETED_LEAD,
                "LastName": "Merged",
                "Company": "Acme",
                "IsDeleted": True,
                "MasterRecordId": LEAD,
                "PLG_User_Id__c": "u-3",
                **stamps,
            }
        ],
    )
    store.seed("Contact", [{"Id": CONTACT, "LastName": "Kay", "AccountId": ACCOUNT, **stamps}])
    store.seed("Campaign", [{"Id": CAMPAIGN, "Name": "Webinar", **stamps}])
    store.seed(
        "Opportunity",
        [
            {
                "Id": OPPORTUNITY,
                "Name": "Big",
                "StageName": "Proposal",
                "CloseDate": "2025-10-01",
                "Amount": 1000.5,
                "AccountId": ACCOUNT,
                **stamps,
            }
        ],
    )
