"""A local Crunchbase: searches, entities, autocompletes and deleted entities of organizations."""
