"""The web-rank connector: a daily list of the most popular domains, and visits by month."""
