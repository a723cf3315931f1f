"""Changes of promises measured."""
