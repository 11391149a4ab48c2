"""A local Salesforce: OAuth and SOAP login, REST, Collections and Bulk API 2.0, stateful."""
