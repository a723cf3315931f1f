"""What machines report: a token is good for one boot and one report; everything else changes nothing and is kept."""

from datetime import timedelta

import pytest
from celery import current_app

from portal.audit.models import AuditEvent
from portal.core import clock, secrets
from portal.core.actors import SYSTEM
from portal.core.errors import BootTokenRefused
from portal.operations.models import BootPurpose, BootToken, Operation, OperationEvent, OperationServer
from portal.operations.on_machine import AGENT_PATH
from portal.operations.selectors import events_of, waiting_operations
from portal.operations.services import claims, steps
from portal.operations.services.agents import (
    FIRST_BOOT_TTL,
    STAGE_OF,
    open_boot,
    phone_home,
    report_done,
    report_progress,
)
from portal.operations.services.queue import MOST_GATHERING_S, cancel_operation, queue_operation
from portal.operations.states import OPEN_OPERATION, OPEN_PART, OperationKind, OperationState, PartState
from tests import factories
from tests.reservations.calendars import snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

ADDRESS = "192.0.2.7"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def part(operation, claim):
    """Return the first part of an operation that a worker holds."""
    return operation.parts.order_by("position").first()


def token_of(claim, part, purpose="image"):
    return steps.issue_boots(claim=claim, part_pks=[part.pk], purpose=purpose, valid_for=HOUR)[part.pk]


def opened(claim, part, purpose="image"):
    token = token_of(claim, part, purpose)
    return token, open_boot(token=token, address=ADDRESS)


def rows():
    """Return everything but the audit record, which refusals do write."""
    models = (OperationServer, BootToken, OperationEvent)
    return [*snapshot()[:-1], *(list(model.objects.order_by("pk").values()) for model in models)]


ASKS = {
    "open": lambda token: open_boot(token=token, address=ADDRESS),
    "progress": lambda token: report_progress(token=token, address=ADDRESS, percent=50),
    "done": lambda token: report_done(token=token, address=ADDRESS, result={"ok": True}),
    "phone_home": lambda token: phone_home(token=token, address=ADDRESS, hostname="h", host_keys=[]),
}
USED_FOR = {
    "open": {"image", "erase", "inspect", "rescue"},
    "progress": {"image", "erase", "inspect", "rescue"},
    "done": {"image", "erase", "inspect", "rescue"},
    "phone_home": {"first_boot"},
}


def refused(ask, token, about=None):
    """Ask, be refused, and check that nothing has changed but for one line in the audit record."""
    before, count = rows(), AuditEvent.objects.count()
    with pytest.raises(BootTokenRefused) as caught:
        ASKS[ask](token)
    assert rows() == before
    assert AuditEvent.objects.count() == count + 1
    row = AuditEvent.objects.order_by("pk").last()
    assert (row.verb, row.actor_kind, row.actor_id) == ("boot.refused", "agent", ADDRESS)
    assert row.data["what"] == ask
    assert row.data["reason"] == caught.value.detail
    assert token not in str(row.data)
    assert row.target == about if about else row.target.startswith("token:")


def test_a_machine_gets_its_job_with_the_token_of_its_first_boot(operation, claim, part):
    token, job = opened(claim, part)

    part.refresh_from_db()
    boot = BootToken.objects.get(purpose=BootPurpose.IMAGE)
    assert (job.part, job.purpose, boot.opened_at) == (part, BootPurpose.IMAGE, clock.now())
    assert job.verify_key_line.startswith(f'restrict,command="{AGENT_PATH}",expiry-time="20310304160000Z" ssh-ed25519 ')
    assert "BEGIN OPENSSH PRIVATE KEY" in secrets.decrypt(part.verify_key_encrypted)
    phone = BootToken.objects.get(purpose=BootPurpose.FIRST_BOOT)
    assert phone.expires_at == clock.now() + FIRST_BOOT_TTL
    assert token not in str(list(BootToken.objects.values()))
    event = events_of(operation.subject).last()
    assert (event.type, event.hostname, event.actor_label) == (
        "step.image.opened",
        part.hostname,
        f"machine at {ADDRESS}",
    )


def test_a_rescue_system_gets_a_host_key_of_its_own_that_is_kept_nowhere(claim, part):
    _, job = opened(claim, part, "rescue")

    part.refresh_from_db()
    assert (job.purpose, job.phone_home_token, job.verify_key_line) == (BootPurpose.RESCUE, "", "")
    assert (part.expected_host_key, part.verify_key_encrypted) == (job.host_key_public, "")
    assert "PRIVATE KEY" in job.host_key
    assert job.host_key not in str(vars(part))
    assert set(BootToken.objects.values_list("purpose", flat=True)) == {"rescue"}


def test_an_eraser_gets_nothing_to_log_in_with(claim, part):
    _, job = opened(claim, part, "erase")

    assert (job.purpose, job.phone_home_token, job.verify_key_line) == (BootPurpose.ERASE, "", "")
    assert set(BootToken.objects.values_list("purpose", flat=True)) == {"erase"}


@pytest.mark.parametrize("ask", ASKS)
def test_a_token_of_no_boot_is_refused(claim, part, ask):
    opened(claim, part)

    for token in ("wrong", "x" * 10_000, "\x00", "\N{SNOWMAN}"):
        refused(ask, token)


@pytest.mark.parametrize("ask,purpose", [(a, p.value) for a in ASKS for p in BootPurpose if p not in USED_FOR[a]])
def test_a_token_of_another_purpose_is_refused(claim, part, ask, purpose):
    token = token_of(claim, part, purpose)
    BootToken.objects.update(opened_at=clock.now())

    refused(ask, token, about=part.server.public_id)


USABLE = [(ask, purpose) for ask in ASKS for purpose in sorted(USED_FOR[ask])]


def ready_for(ask, claim, part, purpose):
    """Return a token with which ``ask`` would be granted."""
    token = token_of(claim, part, purpose)
    if ask in ("progress", "done"):
        BootToken.objects.update(opened_at=clock.now())
    return token


@pytest.mark.parametrize("ask,purpose", USABLE)
def test_control_the_token_is_granted_what_it_is_for(claim, part, ask, purpose):
    token = ready_for(ask, claim, part, purpose)
    OperationServer.objects.update(stage=STAGE_OF[BootPurpose(purpose)])
    before = rows()

    ASKS[ask](token)

    assert rows() != before
    assert not AuditEvent.objects.filter(verb="boot.refused").exists()


@pytest.mark.parametrize("ask,purpose", USABLE)
def test_an_old_token_is_refused(noon, claim, part, ask, purpose):
    token = ready_for(ask, claim, part, purpose)
    noon.shift(HOUR)

    refused(ask, token, about=part.server.public_id)


@pytest.mark.parametrize("ask,purpose", USABLE)
def test_a_token_whose_place_a_newer_one_took_is_refused(claim, part, ask, purpose):
    token = ready_for(ask, claim, part, purpose)
    token_of(claim, part, purpose)

    refused(ask, token, about=part.server.public_id)


@pytest.mark.parametrize("ask,purpose", USABLE)
def test_a_boot_that_has_reported_says_nothing_more(claim, part, ask, purpose):
    token = ready_for(ask, claim, part, purpose)
    BootToken.objects.update(reported_at=clock.now())

    refused(ask, token, about=part.server.public_id)


@pytest.mark.parametrize("ask,purpose", USABLE)
def test_a_machine_whose_part_or_operation_is_over_is_refused(claim, part, ask, purpose):
    token = ready_for(ask, claim, part, purpose)

    for state in set(PartState) - set(OPEN_PART):
        OperationServer.objects.filter(pk=part.pk).update(state=state)
        refused(ask, token, about=part.server.public_id)
    OperationServer.objects.filter(pk=part.pk).update(state=PartState.AWAITING)
    for state in set(OperationState) - set(OPEN_OPERATION):
        Operation.objects.update(state=state)
        refused(ask, token, about=part.server.public_id)


def test_the_job_is_given_once(claim, part):
    token, _ = opened(claim, part)

    refused("open", token, about=part.server.public_id)


@pytest.mark.parametrize("ask", ["progress", "done"])
def test_who_has_not_fetched_its_job_cannot_have_done_it(claim, part, ask):
    refused(ask, token_of(claim, part), about=part.server.public_id)


def test_cancelling_ends_every_boot(operation, claim, part):
    token, job = opened(claim, part)
    cancel_operation(actor=SYSTEM, operation=operation, reason="test")

    refused("done", token, about=part.server.public_id)
    refused("phone_home", job.phone_home_token, about=part.server.public_id)


def test_progress_is_kept_at_the_stage_that_it_is_of(claim, part):
    token, _ = opened(claim, part)
    report_progress(token=token, address=ADDRESS, percent=40)
    part.refresh_from_db()
    assert part.percent == 0, "its playbook is not through yet"
    OperationServer.objects.filter(pk=part.pk).update(stage="image")

    report_progress(token=token, address=ADDRESS, percent=40)

    part.refresh_from_db()
    assert part.percent == 40


def test_a_report_is_kept_and_moves_nothing_but_wakes_a_worker(operation, claim, part):
    token, _ = opened(claim, part)
    steps.begin_await(claim=claim, part_pks=[part.pk], stage="image", time_limit=HOUR)
    claims.give_back(claim=claim)
    operation.parts.exclude(pk=part.pk).update(state=PartState.AWAITING, state_deadline_at=clock.now() + HOUR)
    assert not waiting_operations().exists()

    report_done(token=token, address=ADDRESS, result={"ok": False, "error": "write_failed"})

    part.refresh_from_db()
    assert part.state == PartState.AWAITING
    boot = BootToken.objects.get(purpose="image")
    assert (boot.reported_at, boot.result) == (clock.now(), {"ok": False, "error": "write_failed"})
    assert list(waiting_operations()) == [operation]


def test_a_first_boot_says_who_it_is_and_with_which_keys(claim, part):
    _, job = opened(claim, part)

    phone_home(token=job.phone_home_token, address=ADDRESS, hostname="train-01", host_keys=["ssh-ed25519 AAAA"])

    boot = BootToken.objects.get(purpose="first_boot")
    assert boot.result == {"ok": True, "hostname": "train-01", "host_keys": ["ssh-ed25519 AAAA"]}


def test_where_the_machine_stands_is_kept_even_if_unknown(claim, part):
    with pytest.raises(BootTokenRefused):
        open_boot(token="wrong", address="")

    row = AuditEvent.objects.get(verb="boot.refused")
    assert (row.actor_id, row.actor_label) == ("unknown", "machine at unknown")


@pytest.mark.parametrize(
    "reported, to_come, woken",
    [(0, 3, ["later"]), (1, 2, []), (3, 0, ["now"])],
    ids=["the first waits for the others", "one between wakes nobody", "the last waits for nobody"],
)
def test_reports_of_many_machines_share_a_wake(
    monkeypatch, django_capture_on_commit_callbacks, reported, to_come, woken
):
    servers = [(server, server.name) for server in factories.servers(reported + 1 + to_come)]
    operation = queue_operation(
        actor=SYSTEM, kind=OperationKind.DEPLOY, subject="res_1", image=factories.image(), servers=servers
    )
    claim = claims.take(operation_pk=operation.pk, worker="w1")
    pks = list(operation.parts.values_list("pk", flat=True))
    tokens = steps.issue_boots(claim=claim, part_pks=pks, purpose="image", valid_for=HOUR)
    for token in tokens.values():
        open_boot(token=token, address=ADDRESS)
    OperationServer.objects.update(state=PartState.AWAITING)
    BootToken.objects.filter(part__in=pks[:reported], purpose="image").update(reported_at=clock.now())
    sent = []
    monkeypatch.setattr(
        current_app, "send_task", lambda _name, countdown, **_: sent.append("later" if countdown else "now")
    )

    with django_capture_on_commit_callbacks(execute=True):
        report_done(token=tokens[pks[reported]], address=ADDRESS, result={"ok": True})

    assert sent == woken


def test_a_report_whose_wake_was_lost_is_found_once_it_is_old(claim, operation, part):
    token, _ = opened(claim, part)
    OperationServer.objects.update(state=PartState.AWAITING, state_deadline_at=clock.now() + HOUR)
    report_done(token=token, address=ADDRESS, result={"ok": True})
    claims.give_back(claim=claim)
    patience = timedelta(seconds=MOST_GATHERING_S)
    assert not waiting_operations(patience).exists()

    BootToken.objects.filter(part=part).update(reported_at=clock.now() - patience)

    assert list(waiting_operations(patience)) == [operation]
