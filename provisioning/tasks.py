"""Celery's way in. Arguments are ids; every task may run twice, late, or never."""

import os
import socket
from typing import Any

from celery import Task, shared_task

from portal.billing.services import closing
from portal.core.actors import SYSTEM
from portal.core.waking import Queue
from portal.operations.services import measured, media
from portal.operations.services.pulse import note_pulse
from portal.reservations import calendar, enquiries
from portal.reservations import console as console_log
from portal.reservations.services import news, spares
from portal.sla.services.budgets import work_out_budgets
from portal.sla.services.measuring import measure_due
from portal.webhooks.services import delivering
from provisioning import console, fetch, probing, reconcile, webhooks
from provisioning.drive import drive
from provisioning.workspace import remove_leftovers


def worker_name() -> str:
    """Return a name for this process that no other living process has."""
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task(name="provisioning.run_operation")
def run_operation(operation_pk: int) -> None:
    """Move an operation on as far as it goes now."""
    drive(operation_pk, worker_name())


@shared_task(name="provisioning.fetch_image")
def fetch_image(import_pk: int) -> None:
    """Fetch a customer's own image."""
    fetch.fetch_image(import_pk)


@shared_task(name="provisioning.fetch_waiting")
def fetch_waiting() -> None:
    """Wake workers for images that wait to be fetched, and end what takes too long."""
    reconcile.fetch_waiting()


@shared_task(name="provisioning.read_console")
def read_console(allocation_pk: int) -> None:
    """Read the serial console of a server that somebody looks at."""
    console.read_console(allocation_pk)


@shared_task(name="provisioning.read_consoles")
def read_consoles() -> None:
    """Read the serial consoles that are due."""
    console.read_consoles()


@shared_task(name="provisioning.purge_consoles")
def purge_consoles() -> None:
    """Forget old output of serial consoles."""
    console_log.purge_consoles()


@shared_task(name="provisioning.probe_servers")
def probe_servers() -> None:
    """See whether handed-over servers have power and answer."""
    probing.probe_servers()


@shared_task(name="provisioning.end_maintenance")
def end_maintenance() -> None:
    """Note which maintenance is over."""
    reconcile.end_maintenance()


@shared_task(name="provisioning.work_out_budgets")
def work_out_error_budgets() -> None:
    """See how fast error budgets burn, and tell staff."""
    work_out_budgets(actor=SYSTEM)


@shared_task(name="provisioning.measure_last_month")
def measure_last_month() -> None:
    """Measure the month that is over, and credit what was missed."""
    measure_due(actor=SYSTEM)


@shared_task(name="provisioning.pulse", bind=True)
def pulse(self: "Task[Any, Any]") -> None:
    """Note that this worker lives, and which queue it serves."""
    delivered = self.request.delivery_info or {}
    note_pulse(name=socket.gethostname(), queue=Queue(str(delivered.get("routing_key"))))


@shared_task(name="provisioning.remove_leftovers")
def remove_leftover_folders() -> None:
    """Remove the private folders of runs whose worker died."""
    remove_leftovers()


@shared_task(name="provisioning.sweep_media")
def sweep_media() -> None:
    """Remove the boot media of boots that are over."""
    media.sweep_media()


@shared_task(name="provisioning.wake_waiting")
def wake_waiting() -> None:
    """Wake workers for what waits."""
    reconcile.wake_waiting()


@shared_task(name="provisioning.take_lost_claims_away")
def take_lost_claims_away() -> None:
    """Deal with lost workers' claims."""
    reconcile.take_lost_claims_away()


@shared_task(name="provisioning.time_out_operations")
def time_out_operations() -> None:
    """End what took too long."""
    reconcile.time_out_operations()


@shared_task(name="provisioning.overrun_servers")
def overrun_servers() -> None:
    """Deal with servers that are stuck."""
    reconcile.overrun_servers()


@shared_task(name="provisioning.isolate_strays")
def isolate_strays() -> None:
    """Take off networks what was left there."""
    reconcile.isolate_strays()


@shared_task(name="provisioning.free_networks")
def free_networks() -> None:
    """Give up networks that nobody needs."""
    reconcile.free_networks()


@shared_task(name="provisioning.start_due")
def start_due() -> None:
    """Begin to prepare what is due."""
    reconcile.start_due()


@shared_task(name="provisioning.rebind_broken")
def rebind_broken() -> None:
    """Replace servers that left the pool, ahead of the start."""
    reconcile.rebind_broken()


@shared_task(name="provisioning.end_due")
def end_due() -> None:
    """End what is over."""
    reconcile.end_due()


@shared_task(name="provisioning.announce_ends")
def announce_ends() -> None:
    """Announce what ends soon."""
    reconcile.announce_ends()


@shared_task(name="provisioning.tell_webhooks")
def tell_webhooks() -> None:
    """Tell webhooks what happened to reservations."""
    news.tell_webhooks(actor=SYSTEM)


@shared_task(name="provisioning.deliver_webhooks")
def deliver_webhooks() -> None:
    """Send the webhooks' messages that are due."""
    webhooks.deliver_webhooks()


@shared_task(name="provisioning.forget_messages")
def forget_messages() -> None:
    """Forget what webhooks were told long ago."""
    delivering.forget_messages(actor=SYSTEM)


@shared_task(name="provisioning.expire_quotes")
def expire_quotes() -> None:
    """End quotes that were not accepted in time."""
    reconcile.expire_quotes()


@shared_task(name="provisioning.move_contracts_on")
def move_contracts_on() -> None:
    """End offers that ran out, and contracts that are over."""
    reconcile.move_contracts_on()


@shared_task(name="provisioning.expire_approvals")
def expire_approvals() -> None:
    """End what nobody decided in time."""
    reconcile.expire_approvals()


@shared_task(name="provisioning.offer_waiting")
def offer_waiting(server_type_pk: int | None = None, region_pk: int | None = None) -> None:
    """Offer what is free to those who wait: everywhere, or of one type in one region."""
    reconcile.offer_waiting(server_type_pk, region_pk)


@shared_task(name="provisioning.top_up_spares")
def top_up_spares() -> None:
    """Hold back as many servers as each pool should have."""
    spares.top_up_spares()


@shared_task(name="provisioning.apply_measured_times")
def apply_measured_times() -> None:
    """Plan with the times that erasing took."""
    measured.apply_measured_times()


@shared_task(name="provisioning.fold_timeline")
def fold_timeline() -> None:
    """Keep the timeline short."""
    calendar.fold()
    calendar.clear_folded()


@shared_task(name="provisioning.forget_past")
def forget_past() -> None:
    """Keep the calendar short."""
    calendar.forget()


@shared_task(name="provisioning.check_calendar")
def check_calendar() -> None:
    """Report where the calendar is not what the allocations say."""
    reconcile.report_calendar_faults()


@shared_task(name="provisioning.close_months")
def close_months() -> None:
    """Bill the months that are over."""
    closing.close_due()


@shared_task(name="provisioning.send_reminders")
def send_reminders() -> None:
    """Remind customers of invoices that are overdue."""
    reconcile.send_reminders()


@shared_task(name="provisioning.warn_of_budgets")
def warn_of_budgets() -> None:
    """Tell customers what of their budgets is booked."""
    reconcile.warn_of_budgets()


@shared_task(name="provisioning.purge_enquiries")
def purge_enquiries() -> None:
    """Forget old lines of the request log."""
    enquiries.purge_enquiries()


@shared_task(name="provisioning.report_contradictions")
def report_contradictions() -> None:
    """Report states that do not fit together."""
    reconcile.report_contradictions()
