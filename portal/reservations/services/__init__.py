"""Changes to reservations: making them, starting, ending and cancelling them, and what became of their servers."""
