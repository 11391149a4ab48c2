"""A local HubSpot: contacts, companies, properties and lists of one portal."""
