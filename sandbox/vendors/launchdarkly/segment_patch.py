"""The three ways to change a segment: semantic patch, JSON patch and merge patch.

All of them are pure: from a segment and a body to the changed segment, or a refusal.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable
from typing import Any

from sandbox.vendors.launchdarkly import clauses
from sandbox.vendors.launchdarkly.answers import refused

MAX_TARGET_OPERATIONS = 1500
MAX_ENTRIES = 15_000
EDITABLE = (
    "name",
    "description",
    "tags",
    "included",
    "excluded",
    "includedContexts",
    "excludedContexts",
    "rules",
)
Record = dict[str, Any]


def semantic(segment: Record, body: Record) -> Record:
    """Apply ``instructions``, all or none."""
    instructions = body.get("instructions")
    if not isinstance(instructions, list) or not instructions:
        raise refused(422, "A semantic patch needs a list of instructions")
    targets = sum(
        len(each.get("values") or ())
        for each in instructions
        if isinstance(each, dict) and each.get("kind") in _TARGETS
    )
    if targets > MAX_TARGET_OPERATIONS:
        raise refused(
            400, f"At most {MAX_TARGET_OPERATIONS} target operations are allowed, got {targets}"
        )
    changed = copy.deepcopy(segment)
    for each in instructions:
        kind = each.get("kind") if isinstance(each, dict) else None
        if kind in _TARGETS:
            _change_targets(changed, each)
        elif kind in _KINDS:
            _KINDS[str(kind)](changed, each)
        else:
            raise refused(400, f"Unknown instruction kind: {kind}")
    return checked(changed)


def json_patch(segment: Record, operations: list[Any]) -> Record:
    """Apply RFC 6902 operations; a failed ``test`` is a conflict."""
    changed = copy.deepcopy(segment)
    for each in operations:
        if not isinstance(each, dict) or not str(each.get("path", "")).startswith("/"):
            raise refused(400, "Each JSON patch operation needs op and path")
        _patch_once(changed, each)
    return checked(changed)


def merge_patch(segment: Record, changes: Record) -> Record:
    """Apply an RFC 7386 merge patch to the editable fields."""
    changed = copy.deepcopy(segment)
    for name, value in changes.items():
        if name not in EDITABLE:
            raise refused(400, f"{name} cannot be changed")
        if value is None:
            changed.pop(name, None) if name == "description" else changed.update({name: []})
        else:
            changed[name] = value
    return checked(changed)


def checked(segment: Record) -> Record:
    """The segment, if its targets may stand as they are."""
    for name in ("included", "excluded"):
        listed = segment[name]
        if not isinstance(listed, list) or not all(isinstance(key, str) for key in listed):
            raise refused(400, f"{name} must be a list of keys")
        if len(set(listed)) != len(listed):
            raise refused(400, f"{name} must not name a key twice")
    included, excluded = _pairs(segment, "included"), _pairs(segment, "excluded")
    both = sorted(included & excluded)
    if both:
        raise refused(400, f"A key cannot be both included and excluded: {both[0][1]}")
    if len(included) + len(excluded) > MAX_ENTRIES and not segment["unbounded"]:
        raise refused(
            400,
            f"A standard segment holds at most {MAX_ENTRIES} entries; use a big segment instead",
        )
    return segment


def _pairs(segment: Record, side: str) -> set[tuple[str, str]]:
    """Every target of one side as (context kind, key)."""
    users = {("user", key) for key in segment[side]}
    others = {
        (each["contextKind"], key) for each in segment[f"{side}Contexts"] for key in each["values"]
    }
    return users | others


_TARGETS = {
    f"{verb}{side.capitalize()}{noun}": (side, verb == "add", noun)
    for verb in ("add", "remove")
    for side in ("included", "excluded")
    for noun in ("Targets", "Users")
}


def _change_targets(segment: Record, instruction: Record) -> None:
    side, adding, noun = _TARGETS[instruction["kind"]]
    kind = "user" if noun == "Users" else instruction.get("contextKind", "user")
    values = instruction.get("values")
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise refused(400, f"{instruction['kind']} needs values, a list of context keys")
    if kind == "user":
        segment[side] = _with(segment[side], values, adding)
        return
    contexts = {each["contextKind"]: each["values"] for each in segment[f"{side}Contexts"]}
    contexts[kind] = _with(contexts.get(kind, []), values, adding)
    segment[f"{side}Contexts"] = [
        {"contextKind": name, "values": held} for name, held in contexts.items() if held
    ]


def _with(held: list[str], values: list[str], adding: bool) -> list[str]:
    if adding:
        return list(dict.fromkeys((*held, *values)))
    gone = set(values)
    return [value for value in held if value not in gone]


def _add_rule(segment: Record, instruction: Record) -> None:
    segment["rules"].append(
        {
            "_id": str(uuid.uuid4()),
            "description": instruction.get("description"),
            "clauses": [clauses.new_clause(each) for each in instruction.get("clauses") or []],
            "weight": instruction.get("weight"),
            "rolloutContextKind": instruction.get("rolloutContextKind"),
            "bucketBy": instruction.get("bucketBy"),
        }
    )


def _add_tags(segment: Record, instruction: Record) -> None:
    segment["tags"] = _with(segment["tags"], instruction.get("values") or [], adding=True)


def _remove_tags(segment: Record, instruction: Record) -> None:
    segment["tags"] = _with(segment["tags"], instruction.get("values") or [], adding=False)


def _update(name: str) -> Callable[[Record, Record], None]:
    def change(segment: Record, instruction: Record) -> None:
        segment[name] = instruction.get("value")

    return change


def _update_rule_description(segment: Record, instruction: Record) -> None:
    clauses.rule_of(segment, instruction)["description"] = instruction.get("description")


def _update_rule_rollout(segment: Record, instruction: Record) -> None:
    rule = clauses.rule_of(segment, instruction)
    rule["weight"] = instruction.get("weight")
    rule["rolloutContextKind"] = instruction.get("contextKind") or instruction.get(
        "rolloutContextKind"
    )


_KINDS: dict[str, Callable[[Record, Record], None]] = {
    "addTags": _add_tags,
    "removeTags": _remove_tags,
    "updateName": _update("name"),
    "updateDescription": _update("description"),
    "addRule": _add_rule,
    "removeRule": clauses.remove_rule,
    "addClauses": clauses.add_clauses,
    "removeClauses": clauses.remove_clauses,
    "updateClause": clauses.update_clause,
    "addValuesToClause": clauses.add_values,
    "removeValuesFromClause": clauses.remove_values,
    "reorderRules": clauses.reorder_rules,
    "updateRuleDescription": _update_rule_description,
    "updateRuleRolloutAndContextKind": _update_rule_rollout,
}


def _patch_once(segment: Record, operation: Record) -> None:
    op, path = operation.get("op"), operation["path"]
    steps = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    if op != "test" and steps[0] not in EDITABLE:
        raise refused(400, f"{path} cannot be changed")
    parent: Any = segment
    try:
        for step in steps[:-1]:
            parent = parent[int(step)] if isinstance(parent, list) else parent[step]
        _apply(op, parent, steps[-1], operation.get("value"), path)
    except (KeyError, IndexError, ValueError, TypeError):
        raise refused(400, f"The path {path} does not exist") from None


def _apply(op: Any, parent: Any, last: str, value: Any, path: str) -> None:
    in_list = isinstance(parent, list)
    if op == "test":
        held = parent[int(last)] if in_list else parent.get(last)
        if json.dumps(held, sort_keys=True) != json.dumps(value, sort_keys=True):
            raise refused(409, f"Testing value at {path} failed: it has changed meanwhile")
    elif op == "add" and in_list:
        parent.insert(len(parent) if last == "-" else int(last), value)
    elif op in {"add", "replace"}:
        if in_list:
            parent[int(last)] = value
        else:
            parent[last] = value
    elif op == "remove":
        if in_list:
            parent.pop(int(last))
        else:
            del parent[last]
    else:
        raise refused(400, f"Unknown JSON patch operation: {op}")
