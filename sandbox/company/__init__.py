"""GroupGrub for Work, simulated: companies, people, product, CRM and marketing, with its truth."""
