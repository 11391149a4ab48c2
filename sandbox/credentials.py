"""The credentials that the sandbox's servers expect, made once per sandbox home.

They are random, local and worth nothing outside: they exist so that a wrong credential is refused
here as it is by the vendor.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PRODUCT_PROJECT_ID = 2195193
ACCOUNTS_PROJECT_ID = 2195194


def write(home: Path) -> dict[str, Any]:
    """Make ``<home>/credentials.json`` unless it is there, and return what it holds.

    Shape: ``{vendor: {name: value}}`` for salesforce, mixpanel (``project_ids`` is the list of the
    product's project and the accounts project), hubspot, crunchbase, launchdarkly, outreach,
    google, marketo and postgres.
    """
    file = _file(home)
    if file.exists():
        return read(home)
    home.mkdir(parents=True, exist_ok=True)
    staged = file.with_suffix(".part")
    staged.touch(mode=0o600)
    staged.write_text(json.dumps(_make(), indent=2) + "\n", encoding="utf-8")
    staged.replace(file)
    return read(home)


def read(home: Path) -> dict[str, Any]:
    """The credentials of the sandbox in ``home``.

    Raises :class:`FileNotFoundError` if the sandbox was not built yet.
    """
    credentials: dict[str, Any] = json.loads(_file(home).read_text(encoding="utf-8"))
    return credentials


def _file(home: Path) -> Path:
    return home / "credentials.json"


def _make() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    return {
        "salesforce": {
            "client_id": f"3MVG9{secrets.token_hex(24)}",
            "client_secret": secrets.token_hex(32).upper(),
        },
        "mixpanel": {
            "username": "headwater.sandbox.mp-service-account",
            "secret": secrets.token_urlsafe(24),
            "project_ids": [PRODUCT_PROJECT_ID, ACCOUNTS_PROJECT_ID],
            "gdpr_token": secrets.token_hex(15),
        },
        "hubspot": {"access_token": f"pat-na1-{secrets.token_hex(16)}"},
        "crunchbase": {"user_key": secrets.token_hex(16)},
        "launchdarkly": {
            "access_token": f"api-{secrets.token_hex(16)}",
            "sdk_key": f"sdk-{secrets.token_hex(16)}",
            "project_key": "groupgrub",
            "environment_key": "production",
        },
        "outreach": {
            "client_id": secrets.token_urlsafe(24),
            "client_secret": secrets.token_urlsafe(24),
            "refresh_token": secrets.token_urlsafe(32),
        },
        "google": {
            "client_email": "headwater@groupgrub-sandbox.iam.gserviceaccount.com",
            "private_key": pem,
            "private_key_id": secrets.token_hex(20),
            "spreadsheet_id": "1GroupGrubExclusionsSandboxSheet00000000000",
        },
        "marketo": {
            "client_id": secrets.token_hex(16),
            "client_secret": secrets.token_urlsafe(24),
            "munchkin_id": "123-GGW-456",
        },
        "zendesk": {
            "subdomain": "groupgrub",
            "email": "data@groupgrub.com",
            "api_token": secrets.token_urlsafe(30),
            "chat_access_token": secrets.token_hex(32),
        },
        "stripe": {"api_key": f"rk_test_{secrets.token_hex(24)}"},
        "app_intelligence": {
            "client": secrets.token_urlsafe(9),
            "secret": secrets.token_urlsafe(24),
        },
        "web_rank": {"similarweb_api_key": secrets.token_hex(16)},
        "webhook": {
            "slack_path": f"T{secrets.token_hex(5)}/B{secrets.token_hex(5)}/{secrets.token_hex(9)}",
            "json_token": secrets.token_hex(16),
            "signing_secret": secrets.token_urlsafe(24),
        },
        "postgres": {
            "superuser_password": secrets.token_urlsafe(18),
            "headwater_reader": secrets.token_urlsafe(18),
            "headwater_writer": secrets.token_urlsafe(18),
        },
    }
