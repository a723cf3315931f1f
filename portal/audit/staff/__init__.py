"""The face that staff sees: pages that read, acts that call services, and nothing that is edited by hand."""
