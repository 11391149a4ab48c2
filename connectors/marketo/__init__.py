"""Marketo Engage: leads, activities, merges, programs and their members, lists."""
