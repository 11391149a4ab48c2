"""Billing: customers, subscriptions, invoices and refunds of Stripe."""
