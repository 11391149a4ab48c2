"""A local Outreach: OAuth with rotating refresh tokens and the JSON:API resources."""
