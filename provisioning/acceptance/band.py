"""What servers of one type must reach together."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """What servers of one type must reach: at least ``least`` and at most ``most`` GB/s of bus bandwidth at the peak.

    ``least`` 0: nothing is promised. ``most`` 0: no limit. ``gpus`` are those of each server. ``is_emulated`` as in
    ``Reference``.
    """

    servers: int
    gpus: int
    least: int
    most: int
    is_emulated: bool

    def __str__(self) -> str:
        """Return it in words."""
        upwards = f"{self.least} to {self.most}" if self.most else f"at least {self.least}"
        return f"{upwards} GB/s over {self.servers * self.gpus} GPUs"

    @property
    def why_not(self) -> str:
        """Why there is nothing to measure; empty where there is."""
        if not self.least:
            return "nothing is promised"
        return "" if self.servers * self.gpus > 1 else "one GPU has no other to reduce with"
