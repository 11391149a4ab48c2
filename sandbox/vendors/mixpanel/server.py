"""The routes of the local Mixpanel; its three hosts are one here."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import endpoint
from sandbox.vendors.mixpanel.access import Access
from sandbox.vendors.mixpanel.deletions import Deletions
from sandbox.vendors.mixpanel.export import Export
from sandbox.vendors.mixpanel.ingestion import Ingestion
from sandbox.vendors.mixpanel.profiles import Profiles
from sandbox.vendors.mixpanel.store import Store


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``rate_limit``, ``plan_without_api`` (402), ``terminated_early``
    (``lines`` to send before it) and ``partial_failure`` (``every_nth``, ``keys`` = insert ids).
    """
    access = Access(credentials, faults)
    export = Export(store, clock, faults, access)
    ingestion = Ingestion(store, clock, faults, access)
    profiles = Profiles(store, clock, access)
    deletions = Deletions(store, clock, access)
    tasks = "/api/app/data-deletions/v3.0"
    return Starlette(
        routes=[
            Route("/api/2.0/export", endpoint(export.export), methods=["GET"]),
            Route("/api/2.0/engage", endpoint(profiles.query), methods=["GET", "POST"]),
            Route("/import", endpoint(ingestion.import_events), methods=["POST"]),
            Route("/track", endpoint(ingestion.track), methods=["POST"]),
            Route("/engage", endpoint(profiles.engage), methods=["POST"]),
            Route("/groups", endpoint(profiles.groups), methods=["POST"]),
            *(
                Route(path + slash, endpoint(handle), methods=[method])
                for slash in ("", "/")
                for method, path, handle in (
                    ("POST", tasks, deletions.create),
                    ("GET", tasks + "/{tracking_id}", deletions.status),
                    ("DELETE", tasks + "/{tracking_id}", deletions.cancel),
                )
            ),
        ]
    )
