"""A local Google: service-account tokens, spreadsheet values and Drive file metadata."""
