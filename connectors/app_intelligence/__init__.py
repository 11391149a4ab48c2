"""The app-intelligence connector: publishers, their apps, and estimates of their use."""
