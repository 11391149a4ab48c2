"""Flags and segments in the form that server-side SDKs evaluate."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]


def sdk_segment(segment: Record) -> Record:
    """A standard segment as SDKs read it."""
    names = ("key", "version", "included", "excluded", "includedContexts", "excludedContexts")
    return {
        **{name: segment[name] for name in names},
        "rules": [_rule(rule) for rule in segment["rules"]],
        "salt": segment["salt"],
        "deleted": False,
    }


def sdk_flag(flag: Record) -> Record:
    """A flag of the one environment as SDKs read it."""
    [environment] = flag["environments"].values()
    targets = environment["targets"]
    return {
        "key": flag["key"],
        "version": environment["version"],
        "on": environment["on"] and not flag["archived"],
        "variations": [variation["value"] for variation in flag["variations"]],
        "fallthrough": environment["fallthrough"],
        "offVariation": environment["offVariation"],
        "targets": [
            {"variation": each["variation"], "values": each["values"]}
            for each in targets
            if each["contextKind"] == "user"
        ],
        "contextTargets": [
            {"contextKind": "user", "variation": each["variation"], "values": []}
            if each["contextKind"] == "user"
            else each
            for each in targets
        ],
        "prerequisites": [],
        "rules": [_rule(rule) for rule in environment["rules"]],
        "salt": environment["salt"],
        "trackEvents": False,
        "deleted": False,
    }


def _rule(rule: Record) -> Record:
    clauses = [
        {name: value for name, value in clause.items() if name != "_id"}
        for clause in rule["clauses"]
    ]
    kept = {name: value for name, value in rule.items() if name != "_id" and value is not None}
    return {**kept, "id": rule["_id"], "clauses": clauses}
