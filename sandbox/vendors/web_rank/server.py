"""The routes of the local web rank; its two hosts are one here."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Handler, endpoint
from sandbox.vendors.web_rank.lists import Lists
from sandbox.vendors.web_rank.store import Store
from sandbox.vendors.web_rank.visits import Visits


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``no_list`` (of that day), ``no_zip`` (of that list),
    ``malformed_line`` (``line`` put into a download ``at`` a position), ``rate_limit``,
    ``no_entitlement`` and ``no_credits``.
    """
    del clock
    lists = Lists(store, faults)
    visits = Visits(store, faults, str(credentials["similarweb_api_key"]))
    website = "/v1/website/{domain}/total-traffic-and-engagement/visits"
    handlers: list[tuple[str, Handler]] = [
        ("/api/lists/date/{date}", lists.describe),
        ("/api/ranks/domain/{domain}", lists.ranks),
        ("/daily_list_id", lists.daily_id),
        ("/download_daily/{list_id}", lists.archive),
        ("/download/{list_id}/{top}", lists.plain),
        ("/capabilities", visits.behind_key(visits.capabilities)),
        (website, visits.behind_key(visits.visits)),
        ("/v1/similar-rank/{domain}/rank", visits.behind_key(visits.rank)),
    ]
    return Starlette(
        routes=[Route(path, endpoint(handle), methods=["GET"]) for path, handle in handlers]
    )
