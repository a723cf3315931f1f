"""One-command start: embedded PostgreSQL and broker, supervised processes, and the demo's data."""
