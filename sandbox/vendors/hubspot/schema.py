"""The properties of contacts and companies: the vendor's own and the ones Headwater adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LIFECYCLE_STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
YES_NO = ("true", "false")


@dataclass(frozen=True)
class Property:
    """One property; ``type`` is string, number, datetime, date, enumeration or bool."""

    name: str
    type: str = "string"
    field_type: str = "text"
    options: tuple[str, ...] = ()
    unique: bool = False
    read_only: bool = False
    custom: bool = False
    label: str = ""
    group: str = ""
    description: str = ""

    def shown(self, object_type: str) -> dict[str, Any]:
        """The property as the properties API shows it."""
        singular = "company" if object_type == "companies" else object_type.rstrip("s")
        return {
            "name": self.name,
            "label": self.label or self.name.replace("_", " ").capitalize(),
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group or f"{singular}information",
            "options": [
                {
                    "label": option.capitalize(),
                    "value": option,
                    "displayOrder": position,
                    "hidden": False,
                    "description": "",
                }
                for position, option in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": not self.custom,
            "formField": not self.read_only,
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyValue": self.read_only,
            },
        }


@dataclass(frozen=True)
class ObjectType:
    """One kind of record: its ids, its texts and its built-in properties."""

    plural: str
    singular: str
    type_id: str
    modified: str
    defaults: tuple[str, ...]
    properties: tuple[Property, ...]
    unique: tuple[str, ...] = field(default=())


def _read_only(name: str, type: str) -> Property:
    return Property(name, type, read_only=True)


CONTACTS = ObjectType(
    plural="contacts",
    singular="contact",
    type_id="0-1",
    modified="lastmodifieddate",
    defaults=("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    properties=(
        _read_only("hs_object_id", "number"),
        _read_only("createdate", "datetime"),
        _read_only("lastmodifieddate", "datetime"),
        _read_only("hs_merged_object_ids", "string"),
        _read_only("hs_calculated_merged_vids", "string"),
        _read_only("hs_email_domain", "string"),
        Property("email", unique=True),
        Property("hs_additional_emails"),
        Property("firstname"),
        Property("lastname"),
        Property("company"),
        Property("jobtitle"),
        Property("phone"),
        Property("website"),
        Property("country"),
        Property("city"),
        Property("lifecyclestage", "enumeration", "radio", options=LIFECYCLE_STAGES),
        Property("hs_lead_status"),
        Property("hs_email_optout", "bool", "booleancheckbox", options=YES_NO),
        Property("product_user_id", unique=True, custom=True),
        Property("anonymous_id", custom=True),
        Property("plg_campaign", custom=True),
        Property("plg_workspace_id", custom=True),
        Property("plg_workspace_name", custom=True),
        Property("plg_meter", custom=True),
        Property("plg_used_share", "number", "number", custom=True),
    ),
)

COMPANIES = ObjectType(
    plural="companies",
    singular="company",
    type_id="0-2",
    modified="hs_lastmodifieddate",
    defaults=("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    properties=(
        _read_only("hs_object_id", "number"),
        _read_only("createdate", "datetime"),
        _read_only("hs_lastmodifieddate", "datetime"),
        _read_only("hs_merged_object_ids", "string"),
        Property("name"),
        Property("domain"),
        Property("website"),
        Property("industry"),
        Property("country"),
        Property("city"),
        Property("phone"),
        Property("numberofemployees", "number", "number"),
        Property("annualrevenue", "number", "number"),
        Property("lifecyclestage", "enumeration", "radio", options=LIFECYCLE_STAGES),
    ),
)

OBJECT_TYPES = {kind.plural: kind for kind in (CONTACTS, COMPANIES)} | {
    kind.type_id: kind for kind in (CONTACTS, COMPANIES)
}
