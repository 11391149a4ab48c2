"""Outreach: prospects, mailings, tasks, sequences and who stands in them."""
