"""Staff's pages of decisions that take two people."""
