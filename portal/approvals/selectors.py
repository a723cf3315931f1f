"""Questions about decisions that take two people."""
