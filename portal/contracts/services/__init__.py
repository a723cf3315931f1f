"""Changes of what sales agreed."""
