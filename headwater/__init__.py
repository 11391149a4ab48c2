"""The foundation every other package stands on: settings, warehouse, HTTP, clock, errors."""
