"""The hand-over kit: what a cluster's first minute needs, computed from rows, the same for API, pages and nodes."""
