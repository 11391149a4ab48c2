"""What the Apptopia-like app intelligence delivers; ``store`` and ``model_version`` are what was
asked for, the rest is what the vendor answered."""

from __future__ import annotations

from datetime import date

from connectors.contract import Contract, column


class Publisher(Contract):
    """One row per store and publisher of its directory."""

    store: str = column("store", "Store, such as itunes_connect or google_play.")
    id: str = column("id", "The publisher's id in that store.")
    name: str | None = column("name", "Name.")
    website_url: str | None = column("website_url", "Home page, as the store shows it.")
    hq_country: str | None = column("hq_country", "Country of the headquarters.")
    app_ids: list | None = column("app_ids", "Ids of its apps in that store.")  # type: ignore[type-arg]


class App(Contract):
    """One row per store and app of a publisher that is an account's."""

    store: str = column("store", "Store.")
    id: str = column("id", "The app's id in that store.")
    name: str | None = column("name", "Name.")
    publisher_id: str | None = column("publisher_id", "Publisher: publishers.id of the store.")
    publisher_name: str | None = column("publisher_name", "Its name.")
    publisher_url: str | None = column("publisher_url", "Its home page.")
    category_name: str | None = column("category_name", "Category in the store.")
    price_cents: int | None = column("price_cents", "Price, US cents.")
    has_in_app_purchases: bool | None = column("offers_in_app_purchases", "Sells inside the app.")
    bundle_id: str | None = column("bundle_id", "Bundle id, the same in both stores as a rule.")
    current_version: str | None = column("current_version", "Version in the store.")
    released_on: date | None = column("initial_release_date", "First release.")
    updated_on: date | None = column("last_update_date", "Last release.")


class Estimate(Contract):
    """One row per store, app, country and day."""

    store: str = column("store", "Store.")
    app_id: str = column("id", "The app: apps.id of the store.")
    country: str = column("country_iso", "ISO 3166 two-letter country, or the vendor's WW.")
    day: date = column("date", "Day, US Eastern.")
    downloads: float | None = column("downloads", "Estimated downloads of the day.")
    daily_active: float | None = column("dau", "Estimated people who opened it on the day.")
    monthly_active: float | None = column("mau", "Estimated people in the 30 days to the day.")
    engagement: float | None = column("engagement", "Daily by monthly active people.")
    revenue_usd: float | None = column("total_revenue", "Estimated revenue of the day, USD.")
    model_version: str = column("model_version", "The vendor's model behind the estimate.")
