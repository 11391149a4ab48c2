"""What `make bench` measures: it reports, it asserts nothing."""
