"""Staff's pages of promises measured."""
