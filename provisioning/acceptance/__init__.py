"""Whether a delivered server is what was sold: parsers of what its tools say, and the verdict. Pure."""
