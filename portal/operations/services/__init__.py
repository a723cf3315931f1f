"""Changes to operations: asking for them, claiming them, moving through their steps, and what machines report."""
