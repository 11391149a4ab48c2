"""The settings of each outside system: where it is, and with which credential.

A group is read when the connector or destination that needs it starts, so that a company without
HubSpot need not invent a token. ``.env.example`` explains each setting with its unit.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from headwater.file_location import LocationSettings
from headwater.settings import SettingsGroup


class ProductSettings(SettingsGroup):
    """The product's own PostgreSQL (prefix ``PRODUCT_``)."""

    model_config = SettingsConfigDict(env_prefix="PRODUCT_")

    database_url: SecretStr
    schema_name: str = "app"
    key_check_hours: float = Field(default=24.0, ge=0)
    writer_database_url: SecretStr | None = None
    writer_schema_name: str = "growth"

    @field_validator("database_url", "writer_database_url")
    @classmethod
    def _is_connection_url(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse here what libpq would refuse by repeating parts of it, the password included."""
        if value is not None:
            _check_postgres_url(value.get_secret_value())
        return value

    @property
    def account(self) -> str:
        """Which database this is, without secrets and ports."""
        from psycopg.conninfo import conninfo_to_dict

        parts = conninfo_to_dict(self.database_url.get_secret_value())
        return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"


class MixpanelSettings(SettingsGroup):
    """Mixpanel raw export, import into the accounts project, and deletion of people (prefix
    ``MIXPANEL_``)."""

    model_config = SettingsConfigDict(env_prefix="MIXPANEL_")

    service_account_username: str
    service_account_secret: SecretStr
    project_id: int
    timezone: str = "UTC"
    export_base_url: HttpUrl = HttpUrl("https://data.mixpanel.com")
    import_base_url: HttpUrl = HttpUrl("https://api.mixpanel.com")
    accounts_project_id: int | None = None
    project_token: str | None = None
    gdpr_token: SecretStr | None = None
    app_base_url: HttpUrl = HttpUrl("https://mixpanel.com")
    backfill_calls_per_hour: int = Field(default=40, ge=1, le=60)
    backfill_parallel: int = Field(default=4, ge=1, le=20)

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                "it is no IANA time zone, such as Europe/Berlin; the project's settings show it"
            ) from None
        return value

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return f"{self.export_base_url.host} project {self.project_id}"


class SalesforceSettings(SettingsGroup):
    """Salesforce by the client-credentials flow (prefix ``SALESFORCE_``)."""

    model_config = SettingsConfigDict(env_prefix="SALESFORCE_")

    domain: str
    client_id: str
    client_secret: SecretStr
    api_version: str = "62.0"
    base_url: HttpUrl | None = None
    bulk_from_rows: int = Field(default=2000, ge=1)
    bulk_query_from_rows: int = Field(default=10_000, ge=1)
    api_share: float = Field(default=0.9, gt=0, le=1)
    key_check_hours: float = Field(default=168.0, ge=0)

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return f"{self.base_url.host if self.base_url else 'salesforce.com'} {self.domain}"


class HubSpotSettings(SettingsGroup):
    """HubSpot by a private-app token (prefix ``HUBSPOT_``)."""

    model_config = SettingsConfigDict(env_prefix="HUBSPOT_")

    access_token: SecretStr
    base_url: HttpUrl = HttpUrl("https://api.hubapi.com")
    api_share: float = Field(default=0.9, gt=0, le=1)
    key_check_hours: float = Field(default=168.0, ge=0)

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return str(self.base_url.host)


class CrunchbaseSettings(SettingsGroup):
    """The Crunchbase-like enrichment API (prefix ``CRUNCHBASE_``)."""

    model_config = SettingsConfigDict(env_prefix="CRUNCHBASE_")

    user_key: SecretStr
    base_url: HttpUrl = HttpUrl("https://api.crunchbase.com")

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return str(self.base_url.host)


class ExclusionsSheetSettings(SettingsGroup):
    """The manual exclusions in a Google Sheet (prefix ``EXCLUSIONS_SHEET_``)."""

    model_config = SettingsConfigDict(env_prefix="EXCLUSIONS_SHEET_")

    id: str
    range: str = "Exclusions"
    service_account_file: Path
    base_url: HttpUrl = HttpUrl("https://sheets.googleapis.com")

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return f"{self.base_url.host} sheet {self.id}"


class LaunchDarklySettings(SettingsGroup):
    """LaunchDarkly's management API (prefix ``LAUNCHDARKLY_``)."""

    model_config = SettingsConfigDict(env_prefix="LAUNCHDARKLY_")

    access_token: SecretStr
    project_key: str
    environment_key: str
    base_url: HttpUrl = HttpUrl("https://app.launchdarkly.com")

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return f"{self.base_url.host} {self.project_key}/{self.environment_key}"


class OutreachSettings(SettingsGroup):
    """Outreach by OAuth with a rotating refresh token (prefix ``OUTREACH_``)."""

    model_config = SettingsConfigDict(env_prefix="OUTREACH_")

    client_id: str
    client_secret: SecretStr
    refresh_token: SecretStr
    redirect_uri: str = "https://localhost/oauth/callback"
    base_url: HttpUrl = HttpUrl("https://api.outreach.io")

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return str(self.base_url.host)


class SupportSettings(SettingsGroup):
    """Zendesk by an administrator's API token, and its chats by an OAuth token (prefix
    ``SUPPORT_``)."""

    model_config = SettingsConfigDict(env_prefix="SUPPORT_")

    subdomain: str
    email: str
    api_token: SecretStr
    chat_access_token: SecretStr | None = None
    exports_per_minute: int = Field(default=10, ge=1)
    base_url: HttpUrl | None = None

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return f"{self.base_url.host if self.base_url else 'zendesk.com'} {self.subdomain}"


class BillingSettings(SettingsGroup):
    """Stripe by a restricted key (prefix ``BILLING_``)."""

    model_config = SettingsConfigDict(env_prefix="BILLING_")

    api_key: SecretStr
    base_url: HttpUrl = HttpUrl("https://api.stripe.com")

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports: live data or test data."""
        mode = "test" if "_test_" in self.api_key.get_secret_value() else "live"
        return f"{self.base_url.host} {mode}"


class EventFilesSettings(LocationSettings):
    """Files of events in a folder or bucket (prefix ``EVENT_FILES_``)."""

    model_config = SettingsConfigDict(env_prefix="EVENT_FILES_")


class FilesSettings(LocationSettings):
    """The folder or bucket path that syncs write files to (prefix ``FILES_``)."""

    model_config = SettingsConfigDict(env_prefix="FILES_")


class AppIntelligenceSettings(SettingsGroup):
    """The Apptopia-like app intelligence (prefix ``APP_INTELLIGENCE_``)."""

    model_config = SettingsConfigDict(env_prefix="APP_INTELLIGENCE_")

    client: str
    secret: SecretStr
    base_url: HttpUrl = HttpUrl("https://integrations.apptopia.com")
    stores: Annotated[tuple[str, ...], NoDecode] = ("itunes_connect", "google_play")
    countries: Annotated[tuple[str, ...], NoDecode] = ("US",)
    model_version: str = "v3.0"
    history_days: int = Field(default=180, ge=1)
    directory_days: int = Field(default=7, ge=1)

    @field_validator("stores", "countries", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return f"{self.base_url.host} {self.client}"


class WebRankSettings(SettingsGroup):
    """A Tranco-like list of ranks and Similarweb-like visits (prefix ``WEB_RANK_``)."""

    model_config = SettingsConfigDict(env_prefix="WEB_RANK_")

    tranco_base_url: HttpUrl = HttpUrl("https://tranco-list.eu")
    tranco_top: int = Field(default=1_000_000, ge=1)
    similarweb_api_key: SecretStr
    similarweb_base_url: HttpUrl = HttpUrl("https://api.similarweb.com")
    visits_country: str = "world"
    visits_months: int = Field(default=3, ge=1, le=36)
    visits_domains_a_run: int = Field(default=500, ge=1)

    @property
    def account(self) -> str:
        """Which account this is, without secrets and ports."""
        return f"{self.tranco_base_url.host} and {self.similarweb_base_url.host}"


class MarketoSettings(SettingsGroup):
    """Marketo Engage by a custom service's client credentials (prefix ``MARKETO_``)."""

    model_config = SettingsConfigDict(env_prefix="MARKETO_")

    munchkin_id: str
    client_id: str
    client_secret: SecretStr
    base_url: HttpUrl | None = None
    start: date | None = None
    activity_types: Annotated[tuple[int, ...], NoDecode] = (
        *(1, 2, 3, 6, 7, 8, 9, 10, 11, 12),
        *(22, 24, 25, 46, 104),
    )
    bulk_from_rows: int = Field(default=30_000, ge=300)
    bulk_poll_seconds: float = Field(default=60.0, gt=0)
    has_updated_at_filter: bool = False

    @field_validator("munchkin_id")
    @classmethod
    def _is_munchkin_id(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9]{3}-[A-Za-z]{3}-[0-9]{3}", value):
            raise ValueError("it looks like 123-ABC-456; Admin, Munchkin shows it")
        return value

    @field_validator("activity_types", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        if isinstance(value, str):
            parts = [part.strip() for part in value.split(",") if part.strip()]
            if not parts or not all(part.isdecimal() for part in parts):
                raise ValueError("it is a list of numbers separated by commas, such as 1,2,6")
            return tuple(dict.fromkeys(int(part) for part in parts))
        return value

    @property
    def base(self) -> str:
        """Where calls go."""
        return str(self.base_url or f"https://{self.munchkin_id}.mktorest.com")

    @property
    def account(self) -> str:
        """Which instance this is."""
        return self.munchkin_id.upper()


class GoogleSheetsSettings(SettingsGroup):
    """Google Sheets that syncs write, by a service account (prefix ``GOOGLE_SHEETS_``)."""

    model_config = SettingsConfigDict(env_prefix="GOOGLE_SHEETS_")

    service_account_file: Path
    base_url: HttpUrl = HttpUrl("https://sheets.googleapis.com")

    @property
    def account(self) -> str:
        """Which host this is; definitions name the spreadsheets."""
        return str(self.base_url.host)


class WebhookSettings(SettingsGroup):
    """Webhooks by the names that definitions know them by (prefix ``WEBHOOK_``)."""

    model_config = SettingsConfigDict(env_prefix="WEBHOOK_")

    urls: Annotated[dict[str, SecretStr], NoDecode]
    secrets: Annotated[dict[str, SecretStr] | None, NoDecode] = None

    @field_validator("urls", "secrets", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            named = json.loads(value)
        except ValueError:
            named = None
        if not isinstance(named, dict) or not all(isinstance(each, str) for each in named.values()):
            raise ValueError('it is a JSON object of texts, such as {"alerts": "..."}') from None
        return named

    @field_validator("urls")
    @classmethod
    def _are_safe(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """Rows of people leave by these: encrypted, or not beyond this machine."""
        for name, url in value.items():
            parts = urlsplit(url.get_secret_value())
            near = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
            if not parts.hostname or not (parts.scheme == "https" or near):
                raise ValueError(f"the URL of {name!r} must begin with https://")
        return value

    @property
    def account(self) -> str:
        """The same whatever webhooks there are: a message leaves nothing that another one's home
        could be mistaken for."""
        return "webhooks"


def _check_postgres_url(url: str) -> None:
    """Raise ``ValueError``, without a part of the URL, when it is no connection URL."""
    # A tenth of a second that only a database's settings need to spend.
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("it must start with postgresql://")
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        raise ValueError("it is no connection URL; special characters need %-encoding") from None
    ports = str(parts.get("port", "")).split(",")
    if not all(port == "" or (port.isdecimal() and 0 < int(port) < 65536) for port in ports):
        raise ValueError(
            "its port is not a number from 1 to 65535; special characters in the password need "
            "%-encoding"
        )
    if "@" in str(parts.get("host", "")):
        raise ValueError("an @ in the password must be written as %40")


SYSTEMS: dict[str, type[SettingsGroup]] = {
    "product": ProductSettings,
    "mixpanel": MixpanelSettings,
    "salesforce": SalesforceSettings,
    "hubspot": HubSpotSettings,
    "crunchbase": CrunchbaseSettings,
    "exclusions_sheet": ExclusionsSheetSettings,
    "launchdarkly": LaunchDarklySettings,
    "outreach": OutreachSettings,
    "marketo": MarketoSettings,
    "support": SupportSettings,
    "billing": BillingSettings,
    "event_files": EventFilesSettings,
    "files": FilesSettings,
    "app_intelligence": AppIntelligenceSettings,
    "web_rank": WebRankSettings,
    "webhook": WebhookSettings,
    "google_sheets": GoogleSheetsSettings,
}
"""Every outside system by its name."""
