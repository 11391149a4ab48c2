"""A local Marketo Engage: leads, activities and bulk extract of one instance."""
