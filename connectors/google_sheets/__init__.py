"""How a Google Sheet is read: not a source, but what sources that are sheets have in common."""
