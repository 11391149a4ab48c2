"""Lists and their members. Neither has a moment of change that could be read along (the members of
a list with filters come and go by themselves), so each load is the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.hubspot.client import HubSpotClient, Record
from connectors.zone import LoadFolder
from headwater.errors import VendorUnavailableError


def write_lists(client: HubSpotClient, folder: LoadFolder) -> None:
    """Write all lists."""
    folder.write_records(_pages(client))


def write_members(client: HubSpotClient, folder: LoadFolder) -> None:
    """Write the members of all lists, list by list, each with the id of its list."""
    if not folder.is_done("lists"):
        found = {str(each.get("listId")) for page in _pages(client) for each in page}
        folder.finish("lists", sorted(found))
    lists: list[str] = folder.token("lists")
    folder.write_pages("members", lambda token: _members(client, lists, token))


def _pages(client: HubSpotClient) -> Iterator[list[Record]]:
    """Pages of lists.

    They are found by offset: one that is deleted meanwhile moves another past the page's edge.
    Raises :class:`headwater.errors.VendorUnavailableError` then, for a list that is not seen would
    be taken for deleted.
    """
    offset, seen = 0, set()
    while True:
        answer = client.lists(offset)
        page: list[Record] = answer["lists"]
        yield page
        seen |= {str(each.get("listId")) for each in page}
        if not answer.get("hasMore") or not page:
            break
        offset = int(answer["offset"])
    if len(seen) != int(answer["total"]):
        raise VendorUnavailableError(
            f"hubspot.lists: {answer['total']} lists, but {len(seen)} were seen: they changed "
            "while they were read.",
            next_step="They are read again on the next try.",
        )


def _members(
    client: HubSpotClient, lists: list[str], token: dict[str, Any] | None
) -> Iterator[tuple[list[Record], dict[str, Any]]]:
    position, after = (token["position"], token["after"]) if token else (0, None)
    while position < len(lists):
        list_id = lists[position]
        answer = client.members(list_id, after)
        after = answer.get("paging", {}).get("next", {}).get("after")
        position += after is None
        page = [{"listId": list_id, **member} for member in answer["results"]]
        yield page, {"position": position, "after": after}
