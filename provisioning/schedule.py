"""Every periodic task in one table: name, period, and after how long an unread message is worthless."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings


@dataclass(frozen=True)
class Entry:
    """A task that runs every ``factor`` sweep periods (settings.METALYARD_SWEEP_SECONDS)."""

    task: str
    factor: float


SHORTEST_S = 0.5
"""What is sent more often would only queue up."""
SCHEDULE: tuple[Entry, ...] = (
    Entry("provisioning.fold_timeline", 0.1),
    Entry("provisioning.wake_waiting", 1),
    Entry("provisioning.take_lost_claims_away", 1),
    Entry("provisioning.start_due", 1),
    Entry("provisioning.expire_quotes", 1),
    Entry("provisioning.end_due", 2),
    Entry("provisioning.pulse", 2),
    Entry("provisioning.time_out_operations", 3),
    Entry("provisioning.offer_waiting", 6),
    Entry("provisioning.overrun_servers", 6),
    Entry("provisioning.isolate_strays", 6),
    Entry("provisioning.free_networks", 60),
    Entry("provisioning.announce_ends", 6),
    Entry("provisioning.fetch_waiting", 6),
    Entry("provisioning.rebind_broken", 6),
    Entry("provisioning.report_contradictions", 12),
    Entry("provisioning.read_consoles", 12),
    Entry("provisioning.probe_servers", 12),
    Entry("provisioning.end_maintenance", 12),
    Entry("provisioning.work_out_budgets", 60),
    Entry("provisioning.remove_leftovers", 60),
    Entry("provisioning.sweep_media", 6),
    Entry("provisioning.top_up_spares", 60),
    Entry("provisioning.purge_enquiries", 60),
    Entry("provisioning.check_calendar", 360),
    Entry("provisioning.purge_consoles", 720),
    Entry("provisioning.forget_past", 720),
    Entry("provisioning.measure_last_month", 720),
    Entry("provisioning.apply_measured_times", 17_280),
)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the table in Celery's form. A message that waited for a period is dropped: the next one is there."""
    sweep: float = settings.METALYARD_SWEEP_SECONDS
    return {
        entry.task: {
            "task": entry.task,
            "schedule": max(sweep * entry.factor, SHORTEST_S),
            "options": {"expires": max(sweep * entry.factor, 5)},
        }
        for entry in SCHEDULE
    }
