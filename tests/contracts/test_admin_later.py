"""Staff writes a later version in the admin, and writes odd things into the form: nothing is lost, nothing breaks."""

import pytest
from django.urls import reverse

from portal.catalog.models import OSImage
from portal.catalog.services.tiers import add_sla_tier
from portal.contracts.models import Contract
from portal.contracts.services.amending import amend_contract
from portal.core.actors import SYSTEM
from portal.reservations.models import Reservation
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.contracts import builders
from tests.contracts.builders import DAY, author_of, line, tomorrow
from tests.contracts.test_admin import NEW, SUMS, head, rows

pytestmark = pytest.mark.django_db
OF_THE_TIER = ("name", "target", "below", "credits", "handover_minutes", "replacement_minutes")


@pytest.fixture
def scope():
    return builders.stage()


@pytest.fixture
def sales():
    return staff.browser(StaffRole.SALES)


@pytest.fixture
def later(scope):
    """Return the next version of a contract whose tier and image are not offered any more."""
    tier, image = builders.tier(), factories.image()
    contract = builders.active(scope, line(sla_tier=tier), image=image)
    same = {name: getattr(tier, name) for name in OF_THE_TIER}
    add_sla_tier(actor=SYSTEM, slug="gold", maintenance_notice_hours=72, **same)
    OSImage.objects.update(is_published=False)
    return amend_contract(actor=author_of(contract), contract=contract)


def sent_by(page):
    """Return what a browser sends of a form: not the fields that are disabled."""
    forms = [page.context["head"], page.context["lines"].management_form, *page.context["lines"]]
    fields = [field for form in forms for field in form if not field.field.disabled]
    return {
        field.html_name: field.field.prepare_value(value) if hasattr(field.field, "prepare_value") else value
        for field in fields
        if (value := field.value()) is not None and value is not False
    }


def test_a_later_version_is_saved_as_the_form_shows_it(sales, later):
    address = reverse("admin:contracts_contract_edit", args=[later.pk])
    page = sales.get(address)
    said = sent_by(page)
    sums = " ".join(sales.post(page.context["sums_at"], said).content.decode().split())
    assert "USD 86,400.00" in sums
    assert "Reserved" in sums
    reply = sales.post(address, {**said, "title": "With another name"})

    assert reply.status_code == 302, (reply.context["head"].errors, reply.context["lines"].errors)
    later.refresh_from_db()
    row, before = later.lines.get(), later.amends.lines.get()
    assert (later.title, later.image_id) == ("With another name", later.amends.image_id)
    assert (row.sla_tier_id, row.origin, row.span) == (before.sla_tier_id, before, before.span)
    assert Reservation.objects.get().state == "scheduled"


def test_the_form_of_a_new_contract_offers_only_what_is_offered(sales, later):
    page = sales.get(NEW)

    assert [tier.version for tier in page.context["lines"].empty_form.fields["sla_tier"].queryset] == [2]
    assert not page.context["head"].fields["image"].queryset.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 0, "ramp": f"0 from {tomorrow() + 30 * DAY:%Y-%m-%d}"},
        {"count": 10**30},
        {"overflow": 10**20},
        {"starts_at": "9999-12-31"},
        {"ends_at": "9999-12-31"},
        {"discount": "1e1000000"},
        {"origin": 10**25},
    ],
)
def test_odd_rows_are_said_and_break_nothing(sales, scope, fields):
    for ends_at in (tomorrow() + 90 * DAY, tomorrow().replace(year=9999)):
        said = {**head(scope, ends_at=f"{ends_at:%Y-%m-%d}"), **rows(fields)}
        assert sales.post(SUMS, said).status_code == 200
        assert sales.post(NEW, said).status_code == 422
    assert not Contract.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"), [("renewal_months", 40_000), ("notice_days", 10**9), ("incident_notice_hours", -1)]
)
def test_numbers_that_no_clause_has_are_said_at_their_field(sales, scope, name, value):
    reply = sales.post(NEW, {**head(scope, **{name: value}), **rows({})})

    assert reply.status_code == 422
    assert name in reply.context["head"].errors
