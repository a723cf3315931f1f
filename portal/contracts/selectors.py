"""Questions about what sales agreed."""
