"""The plugin's side of the fence file: may this run still act on metal?

The worker that holds the claim keeps the file fresh (`provisioning/fence.py`). A worker that froze, died or lost its
claim does not, so a run it left behind refuses itself at its next write. Everything unreadable counts as lost.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.metalyard.metal.plugins.plugin_utils.refusal import Refusal

_MAX_BYTES = 4096


@dataclass(frozen=True)
class Fence:
    """The file and the epoch this run was started with."""

    path: Path
    epoch: int

    def seconds_left(self) -> float:
        """Seconds for which a write is still allowed, always above 0.

        Raises `Refusal` (`fence_lost`) when the lease ended, the epoch moved on, or the file cannot be read.
        """
        epoch, expires_at = self._read()
        if epoch != self.epoch:
            raise Refusal("fence_lost", f"Another worker has taken over (epoch {epoch}, ours is {self.epoch}).")
        left = expires_at - time.time()
        if left <= 0:
            raise Refusal("fence_lost", f"The lease of this run ended {-left:.1f} s ago.")
        return left

    def _read(self) -> tuple[int, float]:
        try:
            with self.path.open("rb") as file:
                data = json.loads(file.read(_MAX_BYTES))
            epoch, expires_at = data["epoch"], data["expires_at"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refusal("fence_lost", f"The fence file cannot be read ({type(error).__name__}).") from error
        # bool is an int in Python, and NaN compares false with everything: neither may open the fence.
        if type(epoch) is not int or type(expires_at) not in (int, float) or expires_at != expires_at:
            raise Refusal("fence_lost", "The fence file is malformed.")
        return epoch, float(expires_at)
