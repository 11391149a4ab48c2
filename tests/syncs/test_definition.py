"""Definition files: what is refused, and where the error points to."""

from __future__ import annotations

import pytest

from headwater.errors import DefinitionError, SettingsError
from headwater.settings import Settings
from syncs.definition import load_definition
from syncs.destination import FieldInfo
from syncs.destination_fields import require
from syncs.destinations import open_destination
from syncs.registry import DEFINITIONS, check_ownership, definition, definitions
from tests.syncs.bench import a_definition

GOOD = """\
name: things
description: Things.
owner: nobody
model: things
destination: hubspot
object: contacts
key: {column: k, field: email}
mode: upsert
fields:
  - {column: a, field: A}
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("mode: upsert", "mode: sideways"), "things.yml:8: mode"),
        (("{column: a, field: A}", "{column: a, field: A, policy: never}"),
         "things.yml:10: fields.0.policy"),
        (("owner: nobody\n", ""), "owner: Field required"),
        (("name: things", "name: other"), "A definition has the name of its file"),
        (("mode: upsert", "mode: mirror"), "must say what removal means"),
        (("mode: upsert", "mode: append\nremoval: {action: delete}"), "never removes"),
        (("{column: a, field: A}", "{column: a, field: email}"), "is the key"),
        (("mode: upsert", "mode: upsert\nremoval: {action: clear, fields: [B]}"), "not mapped"),
        (("mode: upsert", "mode: upsert\ncolour: red"), "things.yml:9: colour"),
        (("field: A", "field: 'Size 19\"'"), "things.yml:10: fields.0.field"),
        (("name: things", "name: [things"), "is not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path, change, said):
    file = tmp_path / "things.yml"
    file.write_text(GOOD.replace(*change))
    with pytest.raises(DefinitionError) as raised:
        load_definition(file)
    assert said in str(raised.value)


def test_a_field_has_one_owner():
    one, other = a_definition(), a_definition(name="others")
    with pytest.raises(DefinitionError, match=r"both write memory thing.A"):
        check_ownership([one, other])
    creating = a_definition(name="others", mode="create", removal={"action": "ignore"})
    check_ownership([one, creating])  # hands its fields over once the record exists


def test_syncs_that_wait_for_each_other_or_for_nobody_are_refused(tmp_path):
    for name, after in (("things", "others"), ("others", "things")):
        text = GOOD.replace("name: things", f"name: {name}").replace("object: contacts",
                                                                     f"object: {name}")  # fmt: skip
        (tmp_path / f"{name}.yml").write_text(text + f"after: [{after}]\n")
    with pytest.raises(DefinitionError, match="wait for each other"):
        definitions(tmp_path)
    (tmp_path / "others.yml").unlink()
    definitions.cache_clear()
    with pytest.raises(DefinitionError, match="there is no sync 'others'"):
        definitions(tmp_path)


def test_the_order_follows_dependencies():
    names = [item.name for item in definitions()]
    assert len(names) == 9
    assert names.index("outreach__prospects") < names.index("outreach__sdr_tasks")


def test_a_destination_refuses_what_it_cannot_do(monkeypatch):
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "x")
    for change, said in (
        ({"mode": "append", "removal": {"action": "ignore"}}, "mode: append is not possible"),
        ({"mode": "upsert", "removal": {"action": "delete"}}, "removal: delete is not possible"),
        ({"destination": "fax"}, "there is no 'fax'"),
    ):
        with pytest.raises(DefinitionError, match=said):
            open_destination(a_definition(**{"destination": "hubspot", **change}), Settings())


def test_a_missing_setting_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="HUBSPOT_ACCESS_TOKEN is missing"):
        open_destination(
            a_definition(destination="hubspot", mode="upsert", removal={"action": "ignore"}),
            Settings(),
        )


def test_a_field_that_the_destination_does_not_have_is_refused_with_its_line():
    known = {item.field: FieldInfo("text") for item in definition("salesforce__lead_scores").fields}
    known |= {"Id": FieldInfo("id", createable=False, updateable=False)}
    require(definition("salesforce__lead_scores"), known)
    del known["PLG_ICP_Tier__c"]
    known["PLG_PQL__c"] = FieldInfo("boolean", updateable=False)
    with pytest.raises(DefinitionError) as raised:
        require(definition("salesforce__lead_scores"), known)
    tier, pql = str(raised.value).split("; ")
    lines = (DEFINITIONS / "salesforce__lead_scores.yml").read_text().splitlines()
    for said, field in ((tier, "PLG_ICP_Tier__c"), (pql, "PLG_PQL__c")):
        assert field in lines[int(said.split(":")[1]) - 1]
    assert "has no field PLG_ICP_Tier__c" in tier and "cannot be written" in pql
