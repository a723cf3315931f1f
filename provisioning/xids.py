"""Which Xid errors of NVIDIA's driver end the use of a GPU until it is reset or replaced: a table.

Chosen from NVIDIA's catalogue (https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html): faults of the
GPU, its memory or its firmware. What a program can bring about by itself (13, 31, 43, 45) and what was contained (63,
94) is not among them.
"""

FATAL_XIDS: dict[int, str] = {
    48: "double bit ECC error",
    62: "internal micro-controller halt",
    64: "memory could not be remapped",
    79: "fallen off the bus",
    95: "uncontained ECC error",
    119: "GSP does not answer",
    120: "GSP error",
    140: "unrecovered ECC error",
    143: "initialization failed",
}
"""What each number means, in the words that evidence of it uses."""
