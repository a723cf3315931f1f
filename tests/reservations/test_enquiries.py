"""The request log: every wish with what became of it, whatever else was rolled back."""

from datetime import timedelta

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections, connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.errors import DomainError, InsufficientCapacity, QuotaExceeded
from portal.core.periods import Period
from portal.reservations.capacity import Demand
from portal.reservations.enquiries import (
    KEPT_FOR,
    PURGED_AT_ONCE,
    EnquiryMiddleware,
    note,
    purge_enquiries,
    refusals_noted,
)
from portal.reservations.models import Enquiry
from portal.reservations.request import QuoteRequest
from portal.reservations.services.holds import expire_quote
from portal.reservations.services.quotes import accept, make_quote, withdraw
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

DAY = timedelta(days=1)


@pytest.fixture
def scope():
    factories.servers(2)
    return factories.buyer()


def demand(count=1):
    period = Period(clock.now() + DAY, clock.now() + 2 * DAY)
    return Demand(factories.server_type(), factories.region(), count, period)


def kept():
    return list(Enquiry.objects.order_by("pk").values_list("kind", "outcome", "reason", "free", "subject"))


def quote(scope, hold, count=1):
    period = demand().period
    request = QuoteRequest(factories.server_type(), factories.region(), count, period.end, period.start)
    return make_quote(scope=scope, actor=scope.actor, request=request, hold=hold)


@pytest.mark.parametrize("kind", Enquiry.Kind)
@pytest.mark.parametrize("outcome", Enquiry.Outcome)
def test_every_kind_is_kept_with_every_outcome(scope, kind, outcome):
    wish = demand(3)

    note(kind, outcome, scope, wish, reason="why", free=2, price=None, subject="rsv_1")

    row = Enquiry.objects.get()
    assert (row.kind, row.outcome, row.reason, row.free, row.subject) == (kind, outcome, "why", 2, "rsv_1")
    assert (row.organization, row.project) == (scope.organization.public_id, scope.project.public_id)
    assert (row.server_type, row.region, row.count, row.placement) == ("h100x8", "eu-north-1", 3, "same_fabric")
    assert (row.starts_at, row.ends_at, row.at) == (wish.period.start, wish.period.end, clock.now())
    assert (row.channel, row.price, row.currency) == ("system", None, "")


def test_a_reservation_is_kept_with_its_price(scope):
    made = factories.reservation(scope)

    row = Enquiry.objects.get()
    assert (row.kind, row.outcome, row.subject) == ("reserve", "made", made.public_id)
    assert (row.price, row.currency) == (made.price, "USD")


def test_refusals_are_kept_with_their_code_and_what_was_free(scope):
    with pytest.raises(InsufficientCapacity):
        factories.reservation(scope, count=3)
    with pytest.raises(QuotaExceeded):
        factories.reservation(scope, count=65)

    assert kept() == [
        ("reserve", "refused", "insufficient_capacity", 2, ""),
        ("reserve", "refused", "quota_exceeded", None, ""),
    ]


def test_a_quote_is_kept_and_its_acceptance(scope):
    made = quote(scope, hold=False)
    request = factories.request(scope)
    reservation = accept(scope=scope, actor=scope.actor, quote=made, particulars=request.particulars)

    assert kept() == [
        ("quote", "made", "", None, made.public_id),
        ("reserve", "made", "", None, reservation.public_id),
    ]


def test_a_hold_that_is_refused_withdrawn_or_runs_out_is_kept(noon, scope):
    with pytest.raises(InsufficientCapacity):
        quote(scope, hold=True, count=3)
    first, second = quote(scope, hold=True), quote(scope, hold=True)
    withdraw(scope=scope, actor=scope.actor, quote=first)
    noon.move_to(second.expires_at)
    assert expire_quote(actor=SYSTEM, quote=second) is True

    assert kept() == [
        ("hold", "refused", "insufficient_capacity", 2, ""),
        ("hold", "made", "", None, first.public_id),
        ("hold", "made", "", None, second.public_id),
        ("hold", "abandoned", "", None, first.public_id),
        ("hold", "abandoned", "quote_expired", None, second.public_id),
    ]


def served(response):
    """Close a response as the server does after its last byte; the test keeps its database connection."""
    request_finished.disconnect(close_old_connections)
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)


def answer(act, path="/api/v1/reservations"):
    """Let the middleware answer a request by ``act``; the server closes the response afterwards."""

    def view(request):
        try:
            act()
        except DomainError as refusal:
            return HttpResponse(refusal.code, status=refusal.status)
        return HttpResponse("fine")

    return EnquiryMiddleware(view)(RequestFactory().post(path))


@pytest.mark.parametrize(
    "path, channel", [("/api/v1/x", "api"), ("/admin/x", "staff"), ("/reservations/new", "web"), ("/apiary", "web")]
)
def test_the_path_tells_the_channel(scope, path, channel):
    served(answer(lambda: note(Enquiry.Kind.SEARCH, Enquiry.Outcome.FITS, scope, demand()), path))

    assert Enquiry.objects.get().channel == channel


def test_a_request_waits_for_no_row_and_all_are_written_at_once_after_the_reply(scope):
    scope.organization.public_id  # noqa: B018 - read before the statements are counted

    def look_twice():
        for outcome in (Enquiry.Outcome.FITS, Enquiry.Outcome.NO_FIT):
            note(Enquiry.Kind.SEARCH, outcome, scope, wish)

    wish = demand()
    with CaptureQueriesContext(
        connection,
    ) as during:
        response = answer(look_twice)
    with CaptureQueriesContext(connection) as after:
        served(response)

    assert len(during) == 0
    assert sum("INSERT" in query["sql"] for query in after) == 1
    assert [row[1] for row in kept()] == ["fits", "no_fit"]


def test_a_request_that_notes_nothing_writes_nothing():
    with CaptureQueriesContext(connection) as statements:
        served(answer(lambda: None))

    assert len(statements) == 0


def test_a_refusal_survives_the_rollback_of_its_request(scope):
    def refused():
        with transaction.atomic():
            factories.reservation(scope, count=3)

    served(answer(refused))

    assert kept() == [("reserve", "refused", "insufficient_capacity", 2, "")]


@pytest.mark.django_db(transaction=True)
def test_what_is_undone_was_never_made(scope):
    def rehearse():
        with transaction.atomic():
            factories.reservation(scope)
            transaction.set_rollback(True)

    served(answer(rehearse))
    assert kept() == []

    served(answer(lambda: factories.reservation(scope)))
    assert [row[:2] for row in kept()] == [("reserve", "made")]


@pytest.mark.django_db(transaction=True)
def test_rows_of_their_own_do_not_wait_for_the_disk_and_others_do(scope):
    wish = demand()
    with CaptureQueriesContext(connection) as alone:
        note(Enquiry.Kind.SEARCH, Enquiry.Outcome.FITS, scope, wish)
    with CaptureQueriesContext(connection) as inside, transaction.atomic():
        note(Enquiry.Kind.SEARCH, Enquiry.Outcome.FITS, scope, wish)

    assert sum("synchronous_commit" in query["sql"] for query in alone) == 1
    assert sum("synchronous_commit" in query["sql"] for query in inside) == 0
    assert Enquiry.objects.count() == 2


def test_a_log_that_cannot_be_written_is_a_line_for_staff_and_no_fault_of_the_request(scope, caplog):
    wish = demand(-1)

    response = answer(lambda: note(Enquiry.Kind.SEARCH, Enquiry.Outcome.FITS, scope, wish))
    served(response)

    assert response.status_code == 200
    assert "1 enquiries are lost" in caplog.text
    assert kept() == []


def test_a_refusal_goes_on_as_it_is(scope):
    refusal = InsufficientCapacity("none", extra={"available": 0})

    with pytest.raises(InsufficientCapacity) as raised, refusals_noted(Enquiry.Kind.ADD, scope, demand()):
        raise refusal

    assert raised.value is refusal
    assert kept() == [("add", "refused", "insufficient_capacity", 0, "")]


def test_rows_are_kept_for_400_days(noon, scope):
    for _ in range(2):
        note(Enquiry.Kind.SEARCH, Enquiry.Outcome.FITS, scope, demand())
        noon.shift(timedelta(seconds=1))
    first = Enquiry.objects.earliest("pk")
    noon.move_to(first.at + KEPT_FOR)
    assert purge_enquiries() == 0

    noon.shift(timedelta(seconds=1))
    assert purge_enquiries() == 1
    assert not Enquiry.objects.filter(pk=first.pk).exists()


def test_a_purge_takes_a_batch(noon, scope, monkeypatch):
    assert PURGED_AT_ONCE == 5_000
    monkeypatch.setattr("portal.reservations.enquiries.PURGED_AT_ONCE", 2)
    for _ in range(3):
        note(Enquiry.Kind.SEARCH, Enquiry.Outcome.FITS, scope, demand())
    noon.shift(KEPT_FOR + DAY)

    assert [purge_enquiries(), purge_enquiries(), purge_enquiries()] == [2, 1, 0]
