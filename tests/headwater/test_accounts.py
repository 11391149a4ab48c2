"""A home belongs to one account of each system."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from headwater.accounts import claim
from headwater.errors import SettingsError
from headwater.settings import Settings


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "pat-secret")
    monkeypatch.setenv("HUBSPOT_BASE_URL", "http://127.0.0.1:8787/hubspot")
    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://reader:pw-secret@db.acme.com:5432/app")
    return Settings(home=tmp_path / "home")


def test_the_first_account_is_remembered_without_secrets(settings) -> None:
    claim("hubspot", settings)
    claim("product", settings)
    text = (settings.home / "accounts.json").read_text()
    assert "127.0.0.1" in text and "db.acme.com/app" in text
    assert "secret" not in text


def test_another_port_is_the_same_account(settings, monkeypatch) -> None:
    claim("hubspot", settings)
    monkeypatch.setenv("HUBSPOT_BASE_URL", "http://127.0.0.1:9999/hubspot")
    claim("hubspot", settings)


def test_another_account_is_refused_and_both_are_named(settings, monkeypatch) -> None:
    claim("hubspot", settings)
    monkeypatch.setenv("HUBSPOT_BASE_URL", "https://api.hubapi.com")
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1.*api\.hubapi\.com.*HEADWATER_HOME"):
        claim("hubspot", settings)
    assert "hubapi" not in (settings.home / "accounts.json").read_text()


def test_another_home_takes_the_other_account(settings, monkeypatch, tmp_path) -> None:
    claim("hubspot", settings)
    monkeypatch.setenv("HUBSPOT_BASE_URL", "https://api.hubapi.com")
    claim("hubspot", Settings(home=tmp_path / "other"))


def test_systems_that_are_claimed_at_once_are_all_remembered(settings) -> None:
    for _ in range(30):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda system: claim(system, settings), ["hubspot", "product"] * 4))
        file = settings.home / "accounts.json"
        assert json.loads(file.read_text()).keys() == {"hubspot", "product"}
        file.unlink()
