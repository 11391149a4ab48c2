"""A missing or malformed setting stops the start with its name, and never repeats its value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from headwater.errors import SettingsError
from headwater.settings import SOURCES, Settings, load
from headwater.system_settings import (
    HubSpotSettings,
    MixpanelSettings,
    ProductSettings,
)


@pytest.fixture(autouse=True)
def _no_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_missing_setting_is_named_with_what_to_do(monkeypatch) -> None:
    for name in ("USERNAME", "SECRET"):
        monkeypatch.delenv(f"MIXPANEL_SERVICE_ACCOUNT_{name}", raising=False)
    monkeypatch.delenv("MIXPANEL_PROJECT_ID", raising=False)
    with pytest.raises(SettingsError) as caught:
        load(MixpanelSettings)
    assert "MIXPANEL_SERVICE_ACCOUNT_USERNAME is missing" in str(caught.value)
    assert "MIXPANEL_SERVICE_ACCOUNT_SECRET is missing" in str(caught.value)
    assert "MIXPANEL_PROJECT_ID is missing" in str(caught.value)
    assert ".env.example" in str(caught.value)


def test_a_malformed_setting_is_named_and_its_value_kept_out(monkeypatch) -> None:
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "pat-very-secret")
    monkeypatch.setenv("HUBSPOT_BASE_URL", "sekret-not-a-url")
    with pytest.raises(SettingsError) as caught:
        load(HubSpotSettings)
    assert "HUBSPOT_BASE_URL is malformed" in str(caught.value)
    assert "sekret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_secrets_do_not_show(monkeypatch) -> None:
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "pat-very-secret")
    assert "very-secret" not in repr(load(HubSpotSettings))


def test_unknown_sources_are_refused_with_the_known_ones(monkeypatch) -> None:
    monkeypatch.setenv("HEADWATER_SOURCES", "product, hubspott")
    with pytest.raises(SettingsError, match=r"HEADWATER_SOURCES .*hubspott.*known: product"):
        load(Settings)


def test_sources_are_a_comma_separated_list(monkeypatch) -> None:
    monkeypatch.setenv("HEADWATER_SOURCES", "product, hubspot")
    assert load(Settings).sources == ("product", "hubspot")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-08-29", datetime(2025, 8, 29, tzinfo=UTC)),
        ("2025-08-29T02:00:00+02:00", datetime(2025, 8, 29, tzinfo=UTC)),
        ("2025-08-29T00:00:00Z", datetime(2025, 8, 29, tzinfo=UTC)),
    ],
)
def test_as_of_is_utc_whatever_zone_it_was_given_in(monkeypatch, text, expected) -> None:
    monkeypatch.setenv("HEADWATER_AS_OF", text)
    as_of = load(Settings).as_of
    assert as_of == expected
    assert as_of is not None and as_of.utcoffset() == timedelta(0)
    assert as_of.tzinfo in (UTC, timezone.utc)  # noqa: UP017 - either spelling


@pytest.mark.parametrize("setting", ["PRODUCT_DATABASE_URL", "PRODUCT_WRITER_DATABASE_URL"])
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres:/reader:S3cret@db.example/app", "must start with postgresql://"),
        ("host=db.example password=S3cret", "must start with postgresql://"),
        ("postgresql://reader:x@db.example:S3cret/app", "port is not a number"),
        ("postgresql://reader:S3cret#/x@db.example:5432/app", "port is not a number"),
        ("postgresql://reader:x@db.example:99999/S3cret", "port is not a number"),
        ("postgresql://reader:S3cret%zz@db.example/app", "%-encoding"),
        ("postgresql://reader:x@S3cret@db.example/app", "written as %40"),
    ],
)
def test_a_malformed_connection_url_is_refused_and_kept_secret(
    monkeypatch, setting: str, url: str, reason: str
) -> None:
    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://reader@db.example/app")
    monkeypatch.setenv(setting, url)
    with pytest.raises(SettingsError, match=f"^{setting} is malformed") as caught:
        load(ProductSettings)
    assert reason in str(caught.value)
    assert "S3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgres://reader:p%40ss@db.example/app",
        "postgresql://reader:x@a.example:5432,b.example:5433/app?sslmode=require",
        "postgresql://reader@/app?host=/var/run/postgresql",
    ],
)
def test_connection_urls_that_libpq_takes_are_taken(monkeypatch, url: str) -> None:
    monkeypatch.setenv("PRODUCT_DATABASE_URL", url)
    assert load(ProductSettings).database_url.get_secret_value() == url


@pytest.mark.parametrize(
    ("text", "sources", "syncs"),
    [
        ("none", (), ()),
        (" none ,", (), ()),
        ("", SOURCES, None),
        ("hubspot", ("hubspot",), ("hubspot",)),
    ],
)
def test_none_chooses_nothing_and_an_empty_value_counts_as_not_set(
    monkeypatch, text: str, sources: tuple[str, ...], syncs: tuple[str, ...] | None
) -> None:
    monkeypatch.setenv("HEADWATER_SOURCES", text)
    monkeypatch.setenv("HEADWATER_SYNCS", text)
    settings = load(Settings)
    assert (settings.sources, settings.syncs) == (sources, syncs)


@pytest.mark.parametrize("setting", ["HEADWATER_SOURCES", "HEADWATER_SYNCS"])
def test_none_beside_a_name_is_refused(monkeypatch, setting: str) -> None:
    monkeypatch.setenv(setting, "none,hubspot")
    with pytest.raises(SettingsError, match=f"{setting} .*none stands alone"):
        load(Settings)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "Europe", "UTC+2"])
def test_a_time_zone_that_does_not_exist_is_refused_at_load(monkeypatch, zone: str) -> None:
    monkeypatch.setenv("MIXPANEL_SERVICE_ACCOUNT_USERNAME", "u")
    monkeypatch.setenv("MIXPANEL_SERVICE_ACCOUNT_SECRET", "s")
    monkeypatch.setenv("MIXPANEL_PROJECT_ID", "1")
    monkeypatch.setenv("MIXPANEL_TIMEZONE", zone)
    with pytest.raises(SettingsError, match="MIXPANEL_TIMEZONE is malformed"):
        load(MixpanelSettings)
    monkeypatch.setenv("MIXPANEL_TIMEZONE", "Europe/Berlin")
    assert load(MixpanelSettings).timezone == "Europe/Berlin"


def test_daily_calls_are_numbers_by_source(monkeypatch) -> None:
    assert load(Settings).daily_calls is None
    monkeypatch.setenv("HEADWATER_DAILY_CALLS", "salesforce = 50000, hubspot=7")
    assert load(Settings).daily_calls == {"salesforce": 50_000, "hubspot": 7}
    for wrong in ("salesforce", "salesforce=many", "salesforce=-1", "nobody=5", "hubspot=1,"):
        monkeypatch.setenv("HEADWATER_DAILY_CALLS", wrong)
        with pytest.raises(SettingsError, match="HEADWATER_DAILY_CALLS is malformed"):
            load(Settings)


def test_daily_deliveries_are_numbers_by_destination_and_kind(monkeypatch) -> None:
    assert load(Settings).daily_deliveries is None
    monkeypatch.setenv("HEADWATER_DAILY_DELIVERIES", "salesforce.creates = 500, hubspot.calls=7")
    assert load(Settings).daily_deliveries == {"salesforce.creates": 500, "hubspot.calls": 7}
    for wrong in ("salesforce=5", "salesforce.colours=5", "billing.rows=5", "hubspot.rows="):
        monkeypatch.setenv("HEADWATER_DAILY_DELIVERIES", wrong)
        with pytest.raises(SettingsError, match="HEADWATER_DAILY_DELIVERIES is malformed"):
            load(Settings)
