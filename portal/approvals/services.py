"""Changes of decisions that take two people."""
