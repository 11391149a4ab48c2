"""A local Stripe: customers, subscriptions, invoices, refunds and the feed of events, to read."""
