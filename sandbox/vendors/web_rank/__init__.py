"""Local web rank: Tranco's daily lists and Similarweb's visits, one server for both."""
