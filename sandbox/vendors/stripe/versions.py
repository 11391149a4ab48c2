"""API versions: how the same object looks to callers of an older one."""

from __future__ import annotations

from typing import Any

CURRENT = "2025-06-30.basil"
ACCOUNT = "2024-06-20"
"""The account's own version: that of calls without a version, and of the copies in events."""
KNOWN = (ACCOUNT, CURRENT)
Object = dict[str, Any]


def rendered(found: Object, version: str) -> Object:
    """An object as a version shows it. Until basil an invoice named its subscription itself, and a
    subscription its period."""
    if version >= CURRENT or found.get("deleted"):
        return found
    if found["object"] == "invoice":
        parent = (found.get("parent") or {}).get("subscription_details") or {}
        rest = {name: value for name, value in found.items() if name not in {"parent", "payments"}}
        return {**rest, "subscription": parent.get("subscription")}
    if found["object"] == "subscription":
        items = found["items"]["data"]
        period = {
            name: items[0].get(name) if items else None
            for name in ("current_period_start", "current_period_end")
        }
        return {**found, **period}
    return found
