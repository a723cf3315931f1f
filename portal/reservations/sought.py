"""Which pools a question is about, in the question itself: to ask for them first would be a statement more."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sought:
    """Which pools are meant: those of a server type in a region, or in one fabric of it. Spares only with spares."""

    server_type: int
    region: int
    fabric: int | None = None
    with_spares: bool = False

    @property
    def values(self) -> list[Any]:
        """What ``SOUGHT`` is to be sent with."""
        return [self.server_type, self.region, self.with_spares, self.fabric, self.fabric]


SOUGHT = """ARRAY(
    SELECT id FROM reservations_pool
    WHERE server_type_id = %s AND region_id = %s AND (%s OR NOT is_spare) AND (%s::bigint IS NULL OR fabric_id = %s)
    ORDER BY id
)"""
