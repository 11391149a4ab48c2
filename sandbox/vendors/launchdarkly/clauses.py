"""Rules and their clauses, which segments and flags share."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.vendors.launchdarkly.answers import refused

Record = dict[str, Any]


def new_clause(given: Record) -> Record:
    """A clause with an id."""
    if not given.get("op") or not isinstance(given.get("values"), list):
        raise refused(400, "A clause needs op and values")
    return {
        "_id": str(uuid.uuid4()),
        "contextKind": given.get("contextKind", "user"),
        "attribute": given.get("attribute", ""),
        "op": given["op"],
        "values": given["values"],
        "negate": bool(given.get("negate", False)),
    }


def rule_of(record: Record, instruction: Record) -> Record:
    """The rule that an instruction names by ``ruleId``."""
    rule: Record
    for rule in record["rules"]:
        if rule["_id"] == instruction.get("ruleId"):
            return rule
    raise refused(400, f"Unknown ruleId {instruction.get('ruleId')}")


def clause_of(record: Record, instruction: Record) -> Record:
    """The clause that an instruction names by ``ruleId`` and ``clauseId``."""
    clause: Record
    for clause in rule_of(record, instruction)["clauses"]:
        if clause["_id"] == instruction.get("clauseId"):
            return clause
    raise refused(400, f"Unknown clauseId {instruction.get('clauseId')}")


def remove_rule(record: Record, instruction: Record) -> None:
    """Take a rule away."""
    record["rules"].remove(rule_of(record, instruction))


def add_clauses(record: Record, instruction: Record) -> None:
    """Add clauses to a rule."""
    rule_of(record, instruction)["clauses"] += [
        new_clause(each) for each in instruction.get("clauses") or []
    ]


def remove_clauses(record: Record, instruction: Record) -> None:
    """Take clauses away from a rule."""
    rule = rule_of(record, instruction)
    gone = set(instruction.get("clauseIds") or [])
    if gone - {clause["_id"] for clause in rule["clauses"]}:
        raise refused(400, "Unknown clauseIds")
    rule["clauses"] = [clause for clause in rule["clauses"] if clause["_id"] not in gone]


def update_clause(record: Record, instruction: Record) -> None:
    """Replace a clause, which keeps its id."""
    clause = clause_of(record, instruction)
    clause.update({**new_clause(instruction.get("clause") or {}), "_id": clause["_id"]})


def add_values(record: Record, instruction: Record) -> None:
    """Add values to a clause."""
    held = clause_of(record, instruction)["values"]
    held += [value for value in instruction.get("values") or [] if value not in held]


def remove_values(record: Record, instruction: Record) -> None:
    """Take values away from a clause."""
    clause = clause_of(record, instruction)
    gone = instruction.get("values") or []
    clause["values"] = [value for value in clause["values"] if value not in gone]


def reorder_rules(record: Record, instruction: Record) -> None:
    """Put the rules in the order of ``ruleIds``, which must name them all."""
    by_id = {rule["_id"]: rule for rule in record["rules"]}
    wanted = instruction.get("ruleIds") or []
    if sorted(wanted) != sorted(by_id):
        raise refused(400, "ruleIds must name every rule once")
    record["rules"] = [by_id[each] for each in wanted]
