"""Staff gives a reservation another end: the price comes first, and only who agrees to it gets it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from portal.approvals.models import Approval
from portal.audit.models import AuditEvent
from portal.core import clock
from portal.core.periods import Period
from portal.reservations.models import Reservation
from portal.tenancy.staff import StaffRole
from tests import factories, staff

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def sales(noon):
    return staff.browser(StaffRole.SALES)


@pytest.fixture
def made(noon):
    factories.server()
    start = clock.now() + DAY
    return factories.reservation(name="train", starts_at=start, ends_at=start + 2 * DAY)


def ask(client, made, act, ends_at, agreed="", agreed_for=None, **fields):
    """Send the form; ``agreed`` is the price in all that it holds, for ``ends_at`` unless another end is named."""
    ends = {"ends_at": ends_at, "agreed_for": agreed_for or ends_at}
    written = {name: f"{end:%Y-%m-%dT%H:%M}" for name, end in ends.items()}
    return client.post(
        staff.act_of(made, act), staff.REASON | staff.chosen(made) | written | {"agreed": agreed} | fields
    )


@pytest.mark.parametrize(
    ("act", "days", "said", "price", "verb"),
    [
        ("extend", 3, "The added time costs USD 480.00; in all it is USD 1,440.00 then.", 1440, "extended"),
        (
            "shorten",
            1,
            "Calling the rest off costs USD 0.00; in all it is USD 480.00 then, USD 480.00 less than now.",
            480,
            "shortened",
        ),
    ],
)
def test_the_price_is_said_first_and_agreed_to(sales, made, act, days, said, price, verb):
    end = made.span.start + days * DAY
    before = Reservation.objects.values().get()

    first = ask(sales, made, act, end)

    assert first.status_code == 422
    assert f"{said} Nothing is done yet: send it again to do it." in first.content.decode()
    agreed = first.context["form"]["agreed"].value()
    assert agreed == price
    assert Reservation.objects.values().get() == before

    second = ask(sales, made, act, end, agreed)

    made.refresh_from_db()
    assert second.url == staff.page_of(made)
    assert (made.span, made.price) == (Period(made.span.start, end), Decimal(price))
    why = AuditEvent.objects.get(verb=f"reservation.{verb}_for_customer")
    assert (why.target, why.data, why.actor_id) == (made.public_id, staff.REASON, sales.person.public_id)
    assert AuditEvent.objects.get(verb=f"reservation.{verb}").actor_id == sales.person.public_id


@pytest.mark.parametrize("act", ["extend", "shorten"])
def test_who_agreed_to_less_is_asked_anew_and_nothing_has_changed(sales, made, act):
    end = made.span.end + (DAY if act == "extend" else -DAY)
    before = Reservation.objects.values().get()
    rows = AuditEvent.objects.count()

    refused = ask(sales, made, act, end, "1.00")

    assert refused.status_code == 409
    assert "Nothing is done yet: send it again to do it." in refused.content.decode()
    assert (Reservation.objects.values().get(), AuditEvent.objects.count()) == (before, rows)
    agreed = refused.context["form"]["agreed"].value()
    assert ask(sales, made, act, end, agreed).status_code == 302
    made.refresh_from_db()
    assert made.price == agreed


@pytest.mark.parametrize(("act", "far", "near"), [("extend", 3, 1), ("shorten", -1, -1.5)])
def test_who_agreed_to_another_end_is_told_what_this_one_costs(sales, made, act, far, near):
    seen = ask(sales, made, act, made.span.end + far * DAY)
    before = Reservation.objects.values().get()

    reply = ask(
        sales,
        made,
        act,
        made.span.end + near * DAY,
        seen.context["form"]["agreed"].value(),
        agreed_for=made.span.end + far * DAY,
    )

    assert reply.status_code == 422
    assert f"Agree to USD {reply.context['form']['agreed'].value():,.2f} in all" in reply.content.decode()
    assert reply.context["form"]["agreed"].value() < seen.context["form"]["agreed"].value()
    assert reply.context["form"]["agreed_for"].value() == f"{made.span.end + near * DAY:%Y-%m-%dT%H:%M}"
    assert Reservation.objects.values().get() == before


def test_one_reply_names_all_that_is_wrong_and_the_present_end(sales, made):
    reply = ask(sales, made, "shorten", made.span.end + DAY, reason="")

    assert set(reply.context["form"].errors) == {"ends_at", "reason"}
    assert f"It ends at {made.span.end:%Y-%m-%d %H:%M} now." in reply.content.decode()
    assert reply.context["form"]["agreed"].value() == ""


def test_a_price_is_not_asked_for_while_something_else_is_wrong(sales, made):
    reply = ask(sales, made, "shorten", made.span.end - DAY, reason="")

    assert list(reply.context["form"].errors) == ["reason"]
    assert reply.context["form"]["agreed"].value() == ""


def test_who_sends_no_amount_agrees_to_nothing(sales, made):
    assert ask(sales, made, "extend", made.span.end + DAY, "much").status_code == 422

    made.refresh_from_db()
    assert made.price == Decimal(960)


def test_what_is_blocked_is_said_and_refused(sales, made):
    other = factories.reservation(
        factories.buyer(), name="next", starts_at=made.span.end + DAY, ends_at=made.span.end + 2 * DAY
    )

    first = ask(sales, made, "extend", made.span.end + 2 * DAY)
    said = first.context["form"].notice
    second = ask(sales, made, "extend", made.span.end + 2 * DAY, first.context["form"]["agreed"].value())

    made.refresh_from_db()
    assert "1 of its servers are promised to others." in said
    assert "It can end at 2031-03-08T11:10:00Z at the latest." in said
    assert (second.status_code, made.price, other.state) == (409, Decimal(960), "scheduled")
    assert not AuditEvent.objects.filter(verb="reservation.extended_for_customer").exists()


@pytest.mark.parametrize("act", ["extend", "shorten"])
def test_an_end_that_is_none_is_refused_on_its_field(sales, made, act):
    reply = ask(sales, made, act, made.span.end)

    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == ["ends_at"]


@pytest.mark.parametrize("act", ["extend", "shorten"])
def test_operations_may_not(made, act):
    reply = ask(staff.browser(StaffRole.OPERATIONS), made, act, made.span.end + DAY)

    assert reply.status_code == 403


def test_what_is_over_has_no_such_button(sales, made):
    sales.post(staff.act_of(made, "cancel"), staff.REASON)

    page = sales.get(staff.page_of(made)).content.decode()

    assert staff.act_of(made, "extend") not in page
    assert ask(sales, made, "extend", made.span.end + DAY).status_code == 422


def test_the_page_shows_price_lines_terms_and_turnover(sales, made):
    page = sales.get(staff.page_of(made)).content.decode()

    assert "8 x H100 in eu-north-1" in page
    assert "Free cancellation at any time." in page
    assert ">Turnover</th>" in page
    assert "2031-03-07 12:30 UTC" in page


def test_what_is_in_use_gets_an_earlier_end_by_two_people(noon, sales):
    factories.server()
    made = staff.hand_over(staff.starting(factories.buyer()))
    end = clock.now().replace(second=0, microsecond=0) + timedelta(hours=5)
    first = ask(sales, made, "earlier-end", end)

    assert ask(sales, made, "shorten", end, first.context["form"]["agreed"].value()).status_code == 409
    assert ask(sales, made, "earlier-end", end, first.context["form"]["agreed"].value()).status_code == 302
    made.refresh_from_db()
    assert made.span.end != end
    asked = Approval.objects.get()
    page = sales.get(staff.page_of(made)).content.decode()
    assert (asked.subject, asked.requested_by) == (made.public_id, sales.person)
    assert staff.page_of(asked) in page
    assert staff.act_of(made, "shorten") not in page
