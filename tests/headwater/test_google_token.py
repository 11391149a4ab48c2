"""The tokens of a service account, from the local Google: which failures pass, and which do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import CredentialError, VendorUnavailableError
from headwater.google_token import GoogleToken
from tests.sandbox.conftest import Served, served

__all__ = ["served"]


@pytest.fixture
def token(
    served: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> GoogleToken:
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
    names = ("client_email", "private_key", "private_key_id")
    key = {"type": "service_account", "token_uri": f"{served.url}/google/token"}
    file = tmp_path / "key.json"
    file.write_text(json.dumps(key | {name: served.credentials["google"][name] for name in names}))
    return GoogleToken(file, "https://www.googleapis.com/auth/spreadsheets", "KEY", "the sheet")


@pytest.mark.parametrize(
    ("kind", "params"),
    [("status", {"status": 503}), ("reset", {}), ("truncate", {"bytes": 9, "clean": True})],
)
def test_an_endpoint_that_cannot_answer_is_no_bad_key(
    served: Served,
    token: GoogleToken,
    kind: str,
    params: dict[str, Any],
) -> None:
    served.fault("google", "/token", kind, times=3, **params)
    with pytest.raises(VendorUnavailableError, match="the sheet"):
        token.authorization(False)
    served.faults.clear()
    first = token.authorization(False)
    assert token.authorization(False) == first
    assert token.authorization(True) != first


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("client_email", "other@example.com", "account not found"),
        ("private_key", "-----BEGIN", "PEM|deserialize|MalformedFraming"),
        ("client_email", None, "client_email"),
    ],
)
def test_a_key_that_is_refused_is_named_with_its_setting(
    token: GoogleToken, field: str, value: str | None, reason: str
) -> None:
    key = json.loads(token.key_file.read_text())
    secret = key["private_key"].splitlines()[1]
    key[field] = value
    token.key_file.write_text(json.dumps({name: each for name, each in key.items() if each}))
    with pytest.raises(CredentialError, match=f"(?s)the sheet: .*({reason}).*key file in KEY") as e:
        token.authorization(False)
    assert secret not in str(e.value)


def test_a_key_file_that_is_missing_or_no_json(token: GoogleToken) -> None:
    token.key_file.write_text("{")
    with pytest.raises(CredentialError, match="the sheet"):
        token.authorization(False)
    token.key_file.unlink()
    with pytest.raises(CredentialError, match="No such file"):
        token.authorization(False)
