"""Every periodic task in one table: name, period, queue, and after how long an unread message is worthless.

Sweeps have a queue and workers of their own: those of operations may all be busy with playbooks, for minutes, while
what is due must begin.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from portal.core.waking import Queue


@dataclass(frozen=True)
class Entry:
    """A task that runs every ``factor`` sweep periods (settings.METALYARD_SWEEP_SECONDS).

    What waits for machines or may take minutes is for the workers of operations, for it must not keep the other sweeps
    waiting; so is what clears up on their disks.
    """

    task: str
    factor: float
    queue: Queue = Queue.SWEEPS


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
    Entry("provisioning.pulse", 2, Queue.OPERATIONS),
    Entry("provisioning.time_out_operations", 3),
    Entry("provisioning.offer_waiting", 6),
    Entry("provisioning.overrun_servers", 6),
    Entry("provisioning.isolate_strays", 6),
    Entry("provisioning.free_networks", 60),
    Entry("provisioning.move_contracts_on", 60),
    Entry("provisioning.expire_approvals", 60),
    Entry("provisioning.announce_ends", 6),
    Entry("provisioning.tell_webhooks", 1),
    Entry("provisioning.deliver_webhooks", 1, Queue.OPERATIONS),
    Entry("provisioning.fetch_waiting", 6),
    Entry("provisioning.rebind_broken", 6),
    Entry("provisioning.report_contradictions", 12),
    Entry("provisioning.read_consoles", 12, Queue.OPERATIONS),
    Entry("provisioning.remove_leftovers", 60, Queue.OPERATIONS),
    Entry("provisioning.sweep_media", 6, Queue.OPERATIONS),
    Entry("provisioning.probe_servers", 12, Queue.OPERATIONS),
    Entry("provisioning.end_maintenance", 12),
    Entry("provisioning.work_out_budgets", 60),
    Entry("provisioning.top_up_spares", 60),
    Entry("provisioning.purge_enquiries", 60),
    Entry("provisioning.warn_of_budgets", 60),
    Entry("provisioning.send_reminders", 120),
    Entry("provisioning.check_calendar", 360),
    Entry("provisioning.close_months", 120, Queue.OPERATIONS),
    Entry("provisioning.purge_consoles", 720),
    Entry("provisioning.forget_messages", 720),
    Entry("provisioning.forget_past", 720),
    Entry("provisioning.measure_last_month", 720, Queue.OPERATIONS),
    Entry("provisioning.apply_measured_times", 17_280),
)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return the table in Celery's form. A message that waited for a period is dropped: the next one is there."""
    sweep: float = settings.METALYARD_SWEEP_SECONDS
    return {
        f"{entry.task} of {entry.queue}": {
            "task": entry.task,
            "schedule": max(sweep * entry.factor, SHORTEST_S),
            "options": {"expires": max(sweep * entry.factor, 5), "queue": entry.queue.value},
        }
        for entry in SCHEDULE
    }
