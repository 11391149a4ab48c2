"""What objects and fields there are: the global list and the description of one object."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.salesforce import schema
from sandbox.vendors.salesforce.call import Call
from sandbox.vendors.salesforce.schema import Field, SObject
from sandbox.vendors.salesforce.sobjects import sobject_of

_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
_BYTES_PER_CHARACTER = 3


def versions() -> Response:
    """``GET /services/data``: no session needed."""
    known = schema.org()["versions"]
    return JSONResponse(
        [
            {
                "label": _release(number),
                "url": f"/services/data/v{number}.0",
                "version": f"{number}.0",
            }
            for number in range(known["oldest"], known["newest"] + 1)
        ]
    )


def _release(number: int) -> str:
    """The release's name: 60.0 is Spring '24, and there are three a year."""
    season = ("Spring", "Summer", "Winter")[number % 3]
    year = 24 + (number - 60) // 3 + (1 if season == "Winter" else 0)
    return f"{season} '{year}"


def resources(call: Call) -> Response:
    """``GET /services/data/vNN.0``."""
    names = ("composite", "jobs", "limits", "query", "queryAll", "sobjects")
    return JSONResponse({name: f"{call.root}/{name}" for name in names})


def describe_global(call: Call) -> Response:
    """``GET /sobjects``."""
    return JSONResponse(
        {
            "encoding": "UTF-8",
            "maxBatchSize": schema.org()["collections"]["rows"],
            "sobjects": [_summary(call, sobject) for sobject in schema.objects().values()],
        }
    )


def basic(call: Call) -> Response:
    """``GET /sobjects/Lead``."""
    return JSONResponse({"objectDescribe": _summary(call, sobject_of(call)), "recentItems": []})


def describe(call: Call) -> Response:
    """``GET /sobjects/Lead/describe``."""
    sobject = sobject_of(call)
    return JSONResponse(
        {
            **_summary(call, sobject),
            "childRelationships": [],
            "recordTypeInfos": [],
            "fields": [_field(field) for field in sobject.fields.values()],
        }
    )


def _summary(call: Call, sobject: SObject) -> dict[str, Any]:
    path = f"{call.root}/sobjects/{sobject.name}"
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "keyPrefix": sobject.prefix,
        "custom": False,
        "customSetting": False,
        "createable": sobject.writable,
        "updateable": sobject.writable,
        "deletable": sobject.writable,
        "undeletable": sobject.recycles,
        "mergeable": sobject.field("MasterRecordId") is not None,
        "queryable": True,
        "retrieveable": True,
        "replicateable": True,
        "searchable": True,
        "layoutable": True,
        "triggerable": True,
        "urls": {
            "sobject": path,
            "describe": f"{path}/describe",
            "rowTemplate": f"{path}/{{ID}}",
        },
    }


def _field(field: Field) -> dict[str, Any]:
    is_text = field.is_text or field.type in {"id", "reference"}
    compound = field.type == "address"
    long_text = field.type == "textarea" and field.length > 255
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "length": field.length,
        "byteLength": field.length * _BYTES_PER_CHARACTER if is_text else 0,
        "digits": field.digits,
        "precision": field.precision,
        "scale": field.scale,
        "nillable": field.nillable,
        "createable": field.createable,
        "updateable": field.updateable,
        "defaultedOnCreate": field.defaulted,
        "defaultValue": False if field.type == "boolean" else None,
        "defaultValueFormula": None,
        "externalId": field.external_id,
        "idLookup": field.id_lookup,
        "unique": field.unique,
        "caseSensitive": False,
        "custom": field.name.endswith("__c"),
        "calculated": False,
        "calculatedFormula": None,
        "autoNumber": False,
        "aggregatable": not compound,
        "aiPredictionField": False,
        "cascadeDelete": False,
        "compoundFieldName": None,
        "controllerName": None,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "extraTypeInfo": "plaintextarea" if field.type == "textarea" else None,
        "filterable": not compound and not long_text,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": is_text and not long_text,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "inlineHelpText": None,
        "mask": None,
        "maskType": None,
        "nameField": field.name == "Name",
        "namePointing": len(field.to) > 1,
        "permissionable": field.name.endswith("__c"),
        "picklistValues": [
            {
                "active": True,
                "defaultValue": value == field.default,
                "label": value,
                "validFor": None,
                "value": value,
            }
            for value in field.values
        ],
        "polymorphicForeignKey": len(field.to) > 1,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": list(field.to),
        "relationshipName": field.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "searchPrefilterable": field.type == "reference",
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": not compound and not long_text,
        "writeRequiresMasterRead": False,
    }
