"""Changes of promises measured, one verb each."""
