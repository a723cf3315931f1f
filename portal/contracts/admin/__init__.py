"""Staff's pages of what sales agreed."""
