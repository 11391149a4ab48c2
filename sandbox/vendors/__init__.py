"""The vendors' local servers: one package per vendor, each with ``store.py`` and ``server.py``."""
