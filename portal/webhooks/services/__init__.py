"""Changes to webhooks."""
