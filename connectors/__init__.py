"""Connectors: a folder per outside system says what exists there; the landing engine beside them
says how it gets into the warehouse."""
