"""How a drive must be erased and read back to be accepted: names, numbers and the policy that a server type has. Pure.

The ways of erasing follow IEEE 2883, best first: the drive's own sanitize and format commands by key or by block (NVMe
base specification 2.0, sections 5.24 and 5.14), a discard of all blocks, and zeros written over everything.
"""

from dataclasses import dataclass
from enum import StrEnum

BLOCK_BYTES = 4096
SAMPLE_BLOCKS = 5000
"""Random blocks that show a thousandth left over in 99.3 of 100 cases: 1 - 0.999 ** 5000."""
SAMPLE_BYTES = (SAMPLE_BLOCKS + 2) * BLOCK_BYTES
"""Least that a sample reads: the random blocks, the first and the last one."""


class EraseMethod(StrEnum):
    """Ways of erasing a drive, the best first."""

    NVME_SANITIZE_CRYPTO = "nvme_sanitize_crypto"
    NVME_SANITIZE_BLOCK = "nvme_sanitize_block"
    NVME_FORMAT_CRYPTO = "nvme_format_crypto"
    NVME_FORMAT = "nvme_format"
    BLKDISCARD = "blkdiscard"
    OVERWRITE = "overwrite"


class VerifyMode(StrEnum):
    """How much of a drive is read back."""

    FULL = "full"
    SAMPLE = "sample"


@dataclass(frozen=True)
class ErasePolicy:
    """The ways of erasing that are accepted, in the order in which they are tried, and how much is read back."""

    methods: tuple[str, ...]
    verify: VerifyMode

    def allows_reading(self, mode: str) -> bool:
        """Tell whether a drive that was read back in ``mode`` is accepted; all of it is always enough."""
        return mode == VerifyMode.FULL or mode == self.verify == VerifyMode.SAMPLE


def all_methods() -> list[str]:
    """Return every way of erasing, the best first."""
    return [method.value for method in EraseMethod]
