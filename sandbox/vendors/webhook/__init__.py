"""Local receivers of webhooks: one that answers as Slack does, and one that checks signatures."""
