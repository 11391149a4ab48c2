"""The streams of the Apptopia-like app intelligence."""

from __future__ import annotations

from datetime import timedelta

from connectors.app_intelligence import contracts
from connectors.stream import Deletes, Mode, Overlap, Stream

PUBLISHERS = Stream(
    source="app_intelligence",
    name="publishers",
    contract=contracts.Publisher,
    mode=Mode.MERGE,
    key=("store", "id"),
    version=(),
    cursor="day of the last reading of the directory",
    deletes=Deletes("never: a publisher that left the directory keeps its last row"),
    ignored=("apptopia_url", "profile_url", "contacts", "other_stores"),
)
APPS = Stream(
    source="app_intelligence",
    name="apps",
    contract=contracts.App,
    mode=Mode.MERGE,
    key=("store", "id"),
    version=(),
    cursor="none",
    deletes=Deletes("an app that was asked about by id and is missing in the answer"),
    ignored=(
        "apptopia_url", "app_store_url", "category_id", "category_ids", "subcategory_id",
        "subcategory_name", "description", "icon_url", "screenshot_urls", "permissions",
        "privacy_url", "other_stores", "approx_size_bytes",
    ),
)  # fmt: skip
ESTIMATES = Stream(
    source="app_intelligence",
    name="estimates",
    contract=contracts.Estimate,
    mode=Mode.MERGE,
    key=("store", "app_id", "country", "day"),
    version=(),
    cursor="day",
    deletes=Deletes("never: days are history"),
    overlap=Overlap(
        timedelta(days=14), "the vendor revises the estimates of recent days as its panel reports"
    ),
    ignored=("downloads_revenue", "iap_revenue", "arpu"),
)
STREAMS = (PUBLISHERS, APPS, ESTIMATES)
