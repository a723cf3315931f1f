"""Rules that hold for every page of the staff, asked of all that is registered: a new model is covered at once."""

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from portal.audit.models import AuditEvent
from portal.audit.staff.acts import On, acts_on
from portal.audit.staff.navigation import NAVIGATION
from portal.audit.staff.pages import RecordAdmin
from portal.core.models import Identified, Stateful
from portal.fleet.models import Region, Server
from portal.operations.models import Operation
from portal.reservations.models import Reservation
from portal.tenancy.models import User
from portal.tenancy.staff import StaffRole
from tests import factories, staff

PAGES = staff.pages()
MODELS = sorted(PAGES)
STATE_FIELDS = {field.name for field in Stateful._meta.get_fields()}


def request_of(person):
    request = RequestFactory().get("/admin/")
    request.user = person
    return request


@pytest.fixture(scope="module")
def rows(django_db_setup, django_db_blocker):
    """Make the rows once for this module and take them back at its end; each test has a savepoint of its own."""
    with django_db_blocker.unblock():
        with transaction.atomic():
            staff.world()
            yield
            transaction.set_rollback(True)
        connection.close()


@pytest.fixture
def world(rows, db):
    """Give a test the rows, and undo what it does to them."""


def test_something_is_registered_and_all_of_it_is_ours():
    assert len(PAGES) > 18
    assert [label for label, page in PAGES.items() if not isinstance(page, RecordAdmin)] == []


def test_every_page_is_in_the_sidebar_once():
    listed = [label for _, entries in NAVIGATION for label, _, _ in entries]

    assert sorted(listed) == MODELS


@pytest.mark.parametrize("role", staff.ROLES)
@pytest.mark.parametrize("label", MODELS)
def test_lists_and_objects_are_shown_to_those_who_may_look(world, label, role):
    client, page = staff.browser(role), PAGES[label]
    may = client.person.has_perm(f"{label.split('.')[0]}.view_{label.split('.')[1]}")
    row = page.model._default_manager.first()

    replies = [client.get(staff.list_of(page.model)), client.get(staff.page_of(row))]

    # The queue keeps what a role does not decide on from it, as if it were not there.
    narrowed = {302} if label == "approvals.approval" and may else set()
    assert replies[0].status_code == (200 if may else 403)
    assert replies[1].status_code in {200 if may else 403} | narrowed
    assert may or role != staff.ADMINISTRATOR


@pytest.mark.parametrize("label", MODELS)
def test_nothing_can_be_added_edited_or_deleted_by_hand(world, label):
    page, client = PAGES[label], staff.browser()
    row = page.model._default_manager.first()
    before = page.model._default_manager.filter(pk=row.pk).values().get()
    base = staff.page_of(row).removesuffix("change/")

    replies = [
        client.get(f"{staff.list_of(page.model)}add/"),
        client.post(f"{staff.list_of(page.model)}add/", {"name": "x"}),
        client.post(staff.page_of(row), dict.fromkeys(before, "retired") | {"_save": "Save"}),
        client.post(f"{base}delete/", {"post": "yes"}),
    ]

    assert [reply.status_code for reply in replies] == [403] * 4
    assert page.model._default_manager.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("label", MODELS)
def test_no_form_has_a_field_of_a_state(world, label):
    page = PAGES[label]
    row = page.model._default_manager.first()
    request = request_of(staff.person(staff.ADMINISTRATOR))

    forms = [page.get_form(request, row, change=True), *(act.form(row=None) for act in acts_on(page.model))]

    assert set(flatten([list(getattr(form, "base_fields", {})) for form in forms[:1]])) == set()
    for form in forms[1:]:
        assert STATE_FIELDS.isdisjoint(form.fields)


def test_a_page_that_names_no_facts_is_refused():
    class Careless(RecordAdmin):
        pass

    with pytest.raises(ImproperlyConfigured, match="must name the facts"):
        Careless(Region, admin.site)


def test_no_page_shows_a_secret(world):
    client = staff.browser()
    shown = client.get("/admin/").content.decode()
    for page in PAGES.values():
        shown += client.get(staff.list_of(page.model)).content.decode()
        for row in page.model._default_manager.all()[:5]:
            shown += client.get(staff.page_of(row)).content.decode()
        for act in acts_on(page.model):
            address = staff.acts_of(page.model, act.name) if act.on is On.LIST else staff.act_of(row, act.name)
            reply = client.get(address)
            assert reply.status_code == 200, address
            shown += reply.content.decode()

    assert "Reserved 1 x 8 x H100" in shown, "the pages show the rows that hold the markers"
    assert [name for name, marker in staff.SECRETS.items() if marker in shown] == []


def test_the_markers_are_in_the_rows(world):
    for model, field in ((Reservation, "user_data"), (Operation, "user_data"), (User, "password")):
        values = model._default_manager.values_list(field, flat=True)
        assert any(staff.SECRETS[field] in value for value in values), field


def test_pages_ask_the_database_as_often_for_many_rows_as_for_few(world):
    client = staff.browser()
    addresses = {label: staff.list_of(page.model) for label, page in PAGES.items()}
    addresses |= {f"{label} page": staff.page_of(page.model._default_manager.first()) for label, page in PAGES.items()}
    addresses["first page"] = "/admin/"
    rows = {label: page.model._default_manager.count() for label, page in PAGES.items()}
    # Django keeps content types in memory once it has met them; other tests may or may not have.
    ContentType.objects.get_for_models(*apps.get_models())
    few = {label: queries_of(client, address) for label, address in addresses.items()}

    for _ in range(3):
        staff.world()
    many = {label: queries_of(client, address) for label, address in addresses.items()}

    grown = {label for label, page in PAGES.items() if page.model._default_manager.count() > rows[label]}
    assert set(MODELS) - grown <= ONE_OF_A_KIND
    assert many == few
    assert max(many.values()) < 30


def queries_of(client, address):
    """Return how many queries a page costs."""
    with CaptureQueriesContext(connection) as context:
        assert client.get(address).status_code == 200
    return len(context)


ONE_OF_A_KIND = {
    "fleet.region",
    "fleet.fabric",
    "fleet.servertype",
    "catalog.pricebook",
    "sla.errorbudget",
    "fleet.rack",
    "fleet.switch",
    "fleet.certificatekey",
    "reservations.pool",
}


@pytest.mark.parametrize("label", MODELS)
def test_searches_find_and_survive_anything(world, label):
    client, page = staff.browser(), PAGES[label]
    assert page.search_fields
    for query in ("\x00%'\"", "x" * 3000):
        assert client.get(staff.list_of(page.model), {"q": query}).status_code == 200, query

    assert client.get(staff.list_of(page.model), {"q": "no such thing at all"}).context["cl"].result_count == 0


@pytest.mark.parametrize("label", MODELS)
def test_every_filter_and_each_of_its_choices_answers(world, label):
    client, page = staff.browser(), PAGES[label]
    address = staff.list_of(page.model)
    listed = client.get(address).context["cl"]
    for spec in listed.filter_specs:
        for name in spec.expected_parameters():
            choices = [str(choice[0]) for choice in getattr(spec, "lookup_choices", ()) if choice[0] != ""]
            for value in (*choices[:4], "nonsense", "9" * 30):
                reply = client.get(address, {name: value})
                assert reply.status_code in (200, 302), (name, value)
                assert reply.status_code == 200 or reply.url.endswith("?e=1"), (name, value)


@pytest.mark.parametrize("label", MODELS)
def test_sorting_by_every_column_answers(world, label):
    client, page = staff.browser(), PAGES[label]
    order = ".".join(f"-{number}" for number in range(1, len(page.list_display) + 1))

    assert client.get(staff.list_of(page.model), {"o": order}).status_code == 200


@pytest.mark.parametrize("label", MODELS)
def test_objects_that_are_not_there_lead_back(world, label):
    client, page = staff.browser(), PAGES[label]
    for key in ("0", "nonsense", "9" * 30):
        reply = client.get(f"{staff.list_of(page.model)}{key}/change/")
        assert (reply.status_code, reply.url) == (302, "/admin/")


def test_people_without_a_role_see_nothing(world):
    client = staff.browser()
    User.objects.filter(pk=client.person.pk).update(is_superuser=False)

    assert client.get("/admin/fleet/server/").status_code == 403
    assert b"may not look at anything yet" in client.get("/admin/").content


def test_customers_are_sent_to_the_login(world):
    client = staff.Client()
    client.force_login(factories.user())

    assert client.get("/admin/").url.startswith("/admin/login/")


def test_the_sidebar_shows_only_what_the_role_may_look_at(world):
    sales, operations = staff.browser(StaffRole.SALES), staff.browser(StaffRole.OPERATIONS)

    assert b'href="/admin/catalog/pricebook/"' in sales.get("/admin/").content
    assert b'href="/admin/catalog/pricebook/"' not in operations.get("/admin/").content
    assert b'href="/admin/fleet/server/"' in operations.get("/admin/").content


def test_the_first_page_counts_what_needs_a_look_and_leads_there(world):
    server = staff.free(state="quarantined").get()
    client = staff.browser()

    page = client.get("/admin/").content.decode()

    tile = re.search(r'href="([^"]+)"><b[^>]*>(\d+)</b> Quarantined', page)
    assert tile.group(2) == "1"
    listed = client.get(tile.group(1).replace("&amp;", "&")).context["cl"].result_list
    assert list(listed) == [server]


@pytest.mark.parametrize("label", MODELS)
def test_tiles_count_what_their_lists_show(world, label):
    page, client = PAGES[label], staff.browser()
    for watch in page.watch:
        listed = client.get(staff.list_of(page.model), watch.parameters).context["cl"]
        assert listed.result_count == page.model._default_manager.filter(watch.rows()).count(), watch.title


def test_the_record_is_on_every_page_and_leads_to_all_of_it(world):
    client = staff.browser()
    server = Server.objects.filter(state="available").first()
    for number in range(30):
        AuditEvent.objects.create(
            actor_kind="system", actor_id="x", actor_label=f"doer {number}", verb="a.b", target=server.public_id
        )

    page = client.get(staff.page_of(server)).content.decode()

    assert "doer 29" in page
    assert "doer 0<" not in page
    assert f"/admin/audit/auditevent/?target={server.public_id}" in page
    assert client.get(f"{staff.page_of(server).removesuffix('change/')}history/").url.endswith(
        f"/admin/audit/auditevent/?target={server.public_id}"
    )
    listed = client.get(f"/admin/audit/auditevent/?target={server.public_id}").context["cl"]
    assert listed.result_count == AuditEvent.objects.filter(target=server.public_id).count() > 30


@pytest.mark.parametrize("model", [model for model in Identified.__subclasses__() if model._meta.label_lower in MODELS])
def test_public_ids_lead_to_the_page_of_what_they_name(world, model):
    row = model._default_manager.first()

    reply = staff.browser().get(f"/admin/audit/auditevent/of/{row.public_id}/")

    assert (reply.status_code, reply.url) == (302, staff.page_of(row))


@pytest.mark.parametrize(
    "name", ["nonsense", "res_" + "0" * 26, "catalog.pricebook:999999", "auth.user:1", "fleet.bmc:1"]
)
def test_ids_that_name_nothing_are_said(world, name):
    client = staff.browser()

    reply = client.get(f"/admin/audit/auditevent/of/{name}/", follow=True)

    assert reply.redirect_chain == [("/admin/", 302)]
    assert b"There is nothing to see for" in reply.content
