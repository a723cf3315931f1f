"""Staff on behalf of customers: cancelling and releasing."""

from datetime import timedelta

import pytest

from portal.approvals.models import Approval
from portal.audit.models import AuditEvent
from portal.operations.models import Operation, OperationEvent
from portal.reservations.models import Allocation, Reservation
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


@pytest.fixture
def scheduled():
    factories.servers(2)
    return factories.reservation(name="later", count=2)


def events_of(client):
    return AuditEvent.objects.filter(actor_id=client.person.public_id)


def test_a_scheduled_reservation_is_cancelled_for_the_customer(sales, scheduled):
    reply = sales.post(staff.act_of(scheduled, "cancel"), staff.REASON | staff.chosen(scheduled))

    scheduled.refresh_from_db()
    assert reply.url == staff.page_of(scheduled)
    assert (scheduled.state, scheduled.state_reason) == ("cancelled", staff.REASON["reason"])
    assert set(Allocation.objects.values_list("state", flat=True)) == {"released"}
    assert events_of(sales).filter(target=scheduled.public_id, scope=scheduled.organization.public_id).count() == 1
    told = OperationEvent.objects.get(type="reservation.cancelled")
    assert told.actor_label == sales.person.email


def release(client, made, unused, agreed="", agreed_for=None):
    """Send the form of a release; ``agreed`` is the price in all that it holds."""
    priced = {"unused": unused, "agreed": agreed, "agreed_for": agreed_for or unused}
    return client.post(staff.act_of(made, "release"), staff.REASON | staff.chosen(made) | priced)


def approve(asked):
    """Let operations approve in the queue what sales asked for; return their browser."""
    operations = staff.browser(StaffRole.OPERATIONS)
    before = operations.get(staff.act_of(asked, "approve")).content.decode()
    assert "In all it is at most USD" in before
    assert f"asked: {staff.REASON['reason']}" in before
    operations.post(staff.act_of(asked, "approve"), {"comment": "as agreed"} | staff.chosen(asked))
    return operations


def test_an_active_reservation_is_released_for_the_customer_by_two_people(sales):
    factories.servers(2)
    made = staff.hand_over(staff.starting(factories.buyer(), count=2))

    reply = release(sales, made, "paid", made.total.amount)

    made.refresh_from_db()
    asked = Approval.objects.get()
    assert (reply.url, made.state) == (staff.page_of(asked), "active")
    assert "goes on until somebody else of the staff approves it" in staff.told(sales)[0]
    operations = approve(asked)

    made.refresh_from_db()
    assert made.state == "ending"
    assert Operation.objects.get(kind="release").requested_by == operations.person.email


@pytest.mark.parametrize(("agreed", "status"), [("", 422), ("480.00", 409)])
def test_what_is_not_possible_is_refused_with_the_reason(sales, scheduled, agreed, status):
    before = AuditEvent.objects.count()

    reply = release(sales, scheduled, "paid", agreed)

    scheduled.refresh_from_db()
    assert reply.status_code == status
    assert "only an active one can be released" in reply.content.decode()
    assert (scheduled.state, AuditEvent.objects.count()) == ("scheduled", before)


@pytest.mark.parametrize(("unused", "hours"), [("paid", 24), ("by_terms", 15), ("free", 6)])
def test_who_takes_servers_back_says_what_is_paid_and_is_told_what_that_comes_to(noon, sales, unused, hours):
    factories.server()
    made = staff.hand_over(staff.starting(factories.buyer()))
    Reservation.objects.update(cancellation_terms=[{"notice_hours": 0, "percent": "50"}])
    noon.move_to(made.span.start + timedelta(hours=6))
    before = Reservation.objects.values().get()

    first = release(sales, made, unused)

    assert first.status_code == 422
    assert "Nothing is done yet: send it again to do it." in first.content.decode()
    assert Reservation.objects.values().get() == before
    agreed = first.context["form"]["agreed"].value()

    other = "by_terms" if unused == "free" else "free"
    assert release(sales, made, other, agreed, agreed_for=unused).status_code == 422
    assert Reservation.objects.values().get() == before
    assert release(sales, made, unused, agreed).status_code == 302
    assert Reservation.objects.values().get() == before
    approve(Approval.objects.get())
    made.refresh_from_db()
    assert (made.state, made.total.amount) == ("ending", hours * 20)
    assert made.total.amount <= agreed


def test_several_are_asked_for_on_the_same_terms(sales):
    factories.servers(2)
    made = [staff.hand_over(staff.starting(factories.buyer())) for _ in range(2)]

    sales.post(staff.acts_of(Reservation, "release"), staff.REASON | staff.chosen(*made) | {"unused": "free"})

    assert set(Approval.objects.values_list("subject", flat=True)) == {row.public_id for row in made}
    for asked in Approval.objects.all():
        approve(asked)
    assert [(row.state, row.price) for row in Reservation.objects.all()] == [("ending", 0)] * 2


def test_nothing_is_chosen_beforehand(sales):
    factories.server()
    made = staff.hand_over(staff.starting(factories.buyer()))

    reply = sales.post(staff.act_of(made, "release"), staff.REASON | staff.chosen(made))

    made.refresh_from_db()
    assert (list(reply.context["form"].errors), made.state) == (["unused"], "active")


def test_an_active_one_is_not_cancelled(sales):
    factories.servers(1)
    made = staff.hand_over(staff.starting(factories.buyer()))

    reply = sales.post(staff.act_of(made, "cancel"), staff.REASON | staff.chosen(made))

    made.refresh_from_db()
    assert (reply.status_code, made.state) == (409, "active")
    assert "release it instead" in reply.content.decode()


def test_operations_may_look_but_not_act(scheduled):
    operations = staff.browser(StaffRole.OPERATIONS)

    reply = operations.post(staff.act_of(scheduled, "cancel"), staff.REASON | staff.chosen(scheduled))

    scheduled.refresh_from_db()
    assert (reply.status_code, scheduled.state) == (403, "scheduled")
    assert operations.get(staff.page_of(scheduled)).status_code == 200


def test_several_are_cancelled_and_each_refusal_is_named(sales, scheduled):
    factories.servers(1)
    active = staff.hand_over(staff.starting(factories.buyer()))

    reply = sales.post(
        staff.acts_of(Reservation, "cancel"), staff.REASON | staff.chosen(active, scheduled), follow=True
    )

    said = [str(message) for message in reply.context["messages"]]
    assert sorted(Reservation.objects.values_list("state", flat=True)) == ["active", "cancelled"]
    assert said == [
        f"{active.name}: The reservation is active: release it instead.",
        "Cancel: done for 1 of 2.",
    ]


def test_the_page_of_a_reservation_shows_all_that_belongs_to_it(sales):
    staff.world()
    made = Reservation.objects.get()

    page = sales.get(staff.page_of(made)).content.decode()

    for heading in ("Allocations", "Operations", "Servers at work", "Told to the customer", "Record"):
        assert f">{heading} <" in page
    assert "USD 480.00" in page
    assert "Reserved 1 x 8 x H100 in eu-north-1." in page
    assert "reservation.created" in page


def test_a_reservation_is_found_by_name_host_name_server_and_customer(sales, scheduled):
    other = factories.reservation(factories.buyer(), name="other") if factories.servers(1) else None
    server = scheduled.allocations.first().server
    # In quotes: "Tenant" and its number alone stand in other customers' rows too.
    customer = f'"{scheduled.organization.name}"'
    queries = ("later", "later-01", server.name, customer, scheduled.public_id)
    for query in queries:
        listed = sales.get(staff.list_of(Reservation), {"q": query}).context["cl"]
        assert list(listed.result_list) == [scheduled], query

    assert other in sales.get(staff.list_of(Reservation)).context["cl"].result_list


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"state": "scheduled"}, {"later"}),
        ({"state": "open"}, {"later", "running"}),
        ({"state": "ended"}, set()),
        ({"period": "later"}, {"later"}),
        ({"period": "now"}, {"running"}),
        ({"period": "over"}, set()),
    ],
)
def test_filters_keep_what_they_say(sales, scheduled, parameters, names):
    factories.servers(1)
    running = staff.starting(factories.buyer())
    Reservation.objects.filter(pk=running.pk).update(name="running", period=(running.created_at, running.period.upper))

    listed = sales.get(staff.list_of(Reservation), parameters).context["cl"].result_list

    assert {row.name for row in listed} == names


def test_the_organization_filter_keeps_one_customers_rows(sales, scheduled):
    factories.servers(1)
    factories.reservation(factories.buyer(), name="other")

    listed = (
        sales.get(staff.list_of(Reservation), {"organization__id__exact": scheduled.organization_id})
        .context["cl"]
        .result_list
    )

    assert [row.name for row in listed] == ["later"]
