"""Questions about promises measured."""
