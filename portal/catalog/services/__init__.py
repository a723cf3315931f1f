"""Changes to what is sold."""
