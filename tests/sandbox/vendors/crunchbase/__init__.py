"""Judged by real clients, against a served sandbox."""
