"""Every route there is, walked by another tenant with a token and with a login: what is not theirs is not there.

A route that this walk does not know fails it: say here whether it is open to all, or which object its id names.
"""

import re
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, get_resolver, include, path, re_path

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.core.periods import Period
from portal.reservations.models import Allocation
from portal.sla.models.incident import Impact
from portal.sla.services.incidents import open_incident
from portal.sla.services.maintenance import announce_maintenance
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes
from tests.billing import yard
from tests.contracts import builders
from tests.webhooks import receiving

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

OPEN: dict[str, str] = {
    "healthz": "says only that the process is up",
    "readyz": "says only whether the parts of the portal are up",
    "api/v1/openapi.json": "the API's description, the same for everybody",
    "api/v1/docs": "the same as a page",
    "api/v1/docs/": "the same as a page",
    "api/v1/certificate-keys": "public keys, the same for everybody",
    "api/v1/problems": "the list of codes, the same for everybody",
    "api/v1/prices": "list prices, the same for everybody",
    "prices": "the same as a page",
    "api/v1/sla/definitions": "what counts as down, the same for everybody",
    "api/v1/status": "how the regions are, without a word about tenants",
    "status": "the same as a page",
    "login": "where one logs in",
    "payments/stripe": "takes what the payment provider has signed, and nothing else",
    "logout": "ends one's own session",
    "theme": "sets a cookie with the colours",
    "ui/": "components with invented contents",
}
"""Routes that need no login, and why that is right."""

OF_MACHINES = "agent/v1/"
"""Routes below this are for machines: a tenant's token is no boot token (tests/api/test_agents.py)."""

OF_STAFF = "admin/"
"""Routes below this are for staff alone."""

RESEND = "/deliveries/<slug:delivery_id>/resend"
OF_API, OF_PAGES = ("", "/rotate-secret", "/ping", "/deliveries"), ("", "/ping", "/rotate", "/switch", "/remove")
NAMED: dict[str, str] = {
    "api/v1/reservations/<slug:reservation_id>": "reservation",
    "api/v1/reservations/<slug:reservation_id>/cancel": "reservation",
    "api/v1/reservations/<slug:reservation_id>/release": "reservation",
    "api/v1/reservations/<slug:reservation_id>/extend": "reservation",
    "api/v1/reservations/<slug:reservation_id>/shorten": "reservation",
    "api/v1/reservations/<slug:reservation_id>/add-servers": "reservation",
    "api/v1/reservations/<slug:reservation_id>/transfer": "reservation",
    "api/v1/reservations/<slug:reservation_id>/servers": "reservation",
    "api/v1/reservations/<slug:reservation_id>/servers/<slug:server_id>/console": "reservation",
    "api/v1/reservations/<slug:reservation_id>/events": "reservation",
    "api/v1/reservations/<slug:reservation_id>/handover": "reservation",
    "api/v1/reservations/<slug:reservation_id>/handover/<str:file>": "reservation",
    "api/v1/reservations/<slug:reservation_id>/certificates": "reservation",
    "api/v1/certificates/<slug:certificate_id>": "certificate",
    "api/v1/certificates/<slug:certificate_id>.pdf": "certificate",
    "certificates/<slug:public_id>.json": "certificate",
    "certificates/<slug:public_id>.pdf": "certificate",
    "api/v1/servers/<slug:server_id>": "server",
    "api/v1/servers/<slug:server_id>/power": "server",
    "api/v1/servers/<slug:server_id>/reinstall": "server",
    "api/v1/servers/<slug:server_id>/rescue": "server",
    "api/v1/servers/<slug:server_id>/leave-rescue": "server",
    "api/v1/operations/<slug:operation_id>": "operation",
    "api/v1/ssh-keys/<slug:key_id>": "key",
    **dict.fromkeys((f"api/v1/invoices/<slug:invoice_id>{rest}" for rest in ("", ".pdf", ".xml")), "invoice"),
    **dict.fromkeys((f"invoices/<slug:public_id>{rest}" for rest in ("", ".pdf", ".csv", ".xml", "/pay")), "invoice"),
    **dict.fromkeys((f"api/v1/credit-notes/<slug:credit_note_id>{rest}" for rest in (".pdf", ".xml")), "credit_note"),
    **dict.fromkeys((f"credit-notes/<slug:public_id>{rest}" for rest in (".pdf", ".xml")), "credit_note"),
    **dict.fromkeys((f"api/v1/webhooks/<slug:webhook_id>{rest}" for rest in (*OF_API, RESEND)), "webhook"),
    **dict.fromkeys((f"webhooks/<slug:public_id>{rest}" for rest in (*OF_PAGES, RESEND)), "webhook"),
    "api/v1/budgets/<slug:budget_id>": "budget",
    "budgets/<slug:public_id>/remove": "budget",
    "api/v1/images/<slug:image_id>/withdraw": "image",
    "api/v1/image-imports/<slug:import_id>": "image_import",
    "images/<slug:public_id>/withdraw": "image",
    "api/v1/quotes/<slug:quote_id>": "quote",
    "api/v1/quotes/<slug:quote_id>/accept": "quote",
    "api/v1/quotes/<slug:quote_id>/withdraw": "quote",
    "api/v1/waitlist/<slug:entry_id>": "waitlist_entry",
    "api/v1/waitlist/<slug:entry_id>/leave": "waitlist_entry",
    "api/v1/quota-requests/<slug:request_id>": "quota_request",
    "api/v1/quota-requests/<slug:request_id>/withdraw": "quota_request",
    "api/v1/reservations/<slug:reservation_id>/servers/<slug:server_id>/evidence": "reservation",
    "api/v1/incidents/<slug:incident_id>": "incident",
    "api/v1/maintenance/<slug:window_id>/servers/<slug:server_id>/defer": "maintenance",
    "maintenance/<slug:window_id>/servers/<slug:server_id>/defer": "maintenance",
    "api/v1/contracts/<slug:contract_id>": "contract",
    "api/v1/contracts/<slug:contract_id>.pdf": "contract",
    "contracts/<slug:public_id>": "contract",
    "contracts/<slug:public_id>.pdf": "contract",
    "servers/<slug:public_id>": "server",
    "servers/<slug:public_id>/live": "server",
    "servers/<slug:public_id>/do/<slug:kind>": "server",
    "reservations/<slug:public_id>": "reservation",
    "reservations/<slug:public_id>/live": "reservation",
    "reservations/<slug:public_id>/release": "reservation",
    "reservations/<slug:public_id>/cancel": "reservation",
    "reservations/<slug:public_id>/change/<slug:kind>": "reservation",
    "reservations/<slug:public_id>/transfer": "reservation",
    "reservations/<slug:public_id>/handover.zip": "reservation",
    "reservations/<slug:public_id>/handover/<str:file>": "reservation",
    "reservations/<slug:public_id>/servers/<slug:server_id>/console": "reservation",
    "reservations/<slug:public_id>/servers/<slug:server_id>/console/news": "reservation",
    "quotes/<slug:public_id>": "quote",
    "quotes/<slug:public_id>/withdraw": "quote",
    "waiting-list/<slug:public_id>/leave": "waitlist_entry",
    "ssh-keys/<slug:public_id>/delete": "key",
    "quotas/requests/<slug:public_id>/withdraw": "quota_request",
}
"""Routes with the id of a tenant's object, and of which kind it is."""

UNNAMED: dict[str, tuple[str, ...]] = {
    "api/v1/me": ("",),
    "api/v1/quotas": ("",),
    "api/v1/quota-requests": ("", "?state=pending"),
    "api/v1/quotes": ("", "?state=open"),
    "api/v1/contracts": ("", "?state=sent"),
    "contracts": ("",),
    "api/v1/regions": ("",),
    "api/v1/server-types": ("",),
    "api/v1/images": ("",),
    "api/v1/image-imports": ("", "?state=imported"),
    "images": ("",),
    "api/v1/availability": ("",),
    "api/v1/availability/starts": ("",),
    "api/v1/calendar": ("", "?days=90"),
    "api/v1/waitlist": ("", "?state=waiting"),
    "api/v1/sla": ("",),
    "api/v1/incidents": ("",),
    "api/v1/maintenance": ("",),
    "sla": ("",),
    "api/v1/reservations": ("", "?name={name}", "?state=active"),
    "api/v1/servers": ("",),
    "api/v1/operations": ("", "?id={operation}"),
    "api/v1/ssh-keys": ("",),
    "api/v1/invoices": ("", "?state=issued"),
    "api/v1/usage": ("?from=2000-01-01&to=2000-12-31", "?from=2000-01-01&to=2000-12-31&group_by=server"),
    "invoices": ("",),
    "api/v1/budgets": ("",),
    "api/v1/webhooks": ("",),
    "webhooks": ("",),
    "budgets": ("",),
    "usage": ("",),
    "usage.csv": ("",),
    "": ("",),
    "availability": ("",),
    "reserve": ("",),
    "hold": ("",),
    "quotes": ("",),
    "waiting-list": ("",),
    "waiting-list/join": ("",),
    "reservations": ("", "?show=all"),
    "servers": ("",),
    "ssh-keys": ("",),
    "quotas": ("",),
    "find": ("?q={name}", "?q={reservation}", "?q={server}", "?q={hostname}"),
    "project": ("",),
}
"""Routes without an id, with queries that ask for the other tenant's things as far as one can."""


class Tenant:
    """A tenant with one of everything, a token and a login."""

    def __init__(self, name):
        self.scope = factories.buyer()
        row = factories.hand_over(factories.reservation(self.scope, name=name, starts_at=None))
        held = Allocation.objects.get(reservation=row)
        self.ids = {
            "name": name,
            "reservation": row.public_id,
            "hostname": held.hostname,
            "server": held.server.public_id,
            "operation": self.scope.project.operations.get().public_id,
            "key": self.scope.project.ssh_keys.get().public_id,
            "quota_request": factories.quota_request(self.scope).public_id,
            "quote": factories.quote(self.scope).public_id,
            "image": factories.own_image(self.scope).public_id,
            "image_import": self.scope.project.image_imports.get().public_id,
            "waitlist_entry": factories.waitlist_entry(self.scope).public_id,
            "project": self.scope.project.public_id,
            "organization": self.scope.organization.public_id,
            "invoice": (invoice := yard.invoice(self.scope)).public_id,
            "credit_note": yard.note(invoice).public_id,
            "budget": factories.budget(self.scope).public_id,
            "contract": builders.sent(self.scope, builders.line(count=1)).public_id,
            "certificate": factories.certificate(self.scope, row, held.server).public_id,
            "delivery": (told := receiving.told(self.scope)).public_id,
            "webhook": told.endpoint.public_id,
            "incident": self._incident(held.server).public_id,
            "maintenance": self._maintenance(held.server).public_id,
        }
        self.token = factories.token(self.scope.project, Role.OWNER)[1]
        self.bearer = {"Authorization": f"Bearer {self.token}"}
        self.browser = Client(raise_request_exception=False)
        self.browser.force_login(self.scope.organization.memberships.get().user)

    def _incident(self, server):
        words = {"title": "A fan failed", "text": "It is loud.", "impact": Impact.DEGRADED}
        return open_incident(actor=SYSTEM, **words, servers=[server], is_public=False)

    def _maintenance(self, server):
        begin = clock.now() + timedelta(days=3)
        period = Period(begin, begin + timedelta(hours=1))
        what = {"title": "A fan", "region": server.region, "servers": [server], "period": period}
        return announce_maintenance(actor=SYSTEM, **what)

    def send(self, route, address, method):
        """Call an address of a route, with the token or with the login, and return the reply."""
        if route.startswith("api/"):
            return Client(raise_request_exception=False).generic(
                method,
                f"/{address}",
                "{}",
                content_type="application/json",
                headers={**self.bearer, "Idempotency-Key": "walk"},
            )
        return self.browser.generic(method, f"/{address}", "", content_type="application/x-www-form-urlencoded")


@pytest.fixture
def theirs(db):
    factories.servers(4)
    return Tenant("their-secret-run")


@pytest.fixture
def mine(theirs):
    return Tenant("my-own-run")


def routes(resolver=None, before=""):
    """Return every route of the portal as its pattern is written."""
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern)
        found += routes(entry, route) if isinstance(entry, URLResolver) else [route]
    return found


def walked(found):
    """Return those of the routes that a tenant may meet."""
    return {route for route in found if not route.startswith((OF_MACHINES, OF_STAFF)) and route not in OPEN}


def filled(route, ids):
    kind = "reboot" if NAMED[route] == "server" else "extend"
    route_of_one = route.replace("<slug:kind>", kind).replace("<str:file>", "report.json")
    for part in ("server", "delivery"):
        route_of_one = route_of_one.replace(f"<slug:{part}_id>", ids[part])
    return re.sub(r"<[^>]+>", ids[NAMED[route]], route_of_one)


def test_the_walk_knows_every_route_and_no_other():
    found = routes()
    known = {*NAMED, *UNNAMED}

    assert walked(found) - known == set(), "say in this file what these routes name, or why they are open"
    assert known - walked(found) == set(), "these routes are gone"
    assert set(OPEN) - set(found) == set(), "these routes are gone"
    assert [route for route in (*OPEN, *UNNAMED) if re.search(r"<|\(\?P", route)] == [], "an id needs its kind"
    assert len(known) >= 30


def test_control_a_new_route_is_noticed_wherever_it_stands():
    new = [path("a/<slug:public_id>", lambda: None), path("b/", include([re_path(r"^c/(?P<id>.+)$", lambda: None)]))]

    found = routes(get_resolver(tuple(new)))

    assert found == ["a/<slug:public_id>", "b/^c/(?P<id>.+)$"]
    assert walked(found) - {*NAMED, *UNNAMED} == set(found)


def test_what_is_named_by_anothers_id_is_not_there(mine, theirs):
    with nothing_changes():
        for route in NAMED:
            address = filled(route, theirs.ids)
            statuses = {method: mine.send(route, address, method).status_code for method in METHODS}

            assert set(statuses.values()) <= {404, 405}, (route, statuses)
            assert 404 in statuses.values(), (route, statuses)


def test_control_their_owner_finds_them_by_the_same_addresses(theirs):
    for route in NAMED:
        found = {}
        for method in METHODS:
            with transaction.atomic():
                found[method] = theirs.send(route, filled(route, theirs.ids), method).status_code
                transaction.set_rollback(True)

        assert 404 not in found.values(), (route, found)
        assert max(found.values()) < 500, (route, found)
        assert set(found.values()) != {405}, (route, found)


def asked(ids):
    """Return every route without an id, with each of the addresses that ask for things with ``ids``."""
    return [(route, route + query.format(**ids)) for route, queries in UNNAMED.items() for query in queries]


def test_lists_searches_and_pages_show_nothing_of_anothers(mine, theirs):
    with nothing_changes():
        for route, address in asked(theirs.ids):
            shown = mine.send(route, address, "GET").content.decode()
            # A search repeats what was searched for; anything that was found would leave other traces too.
            shown = shown.replace(address.partition("?q=")[2] or "\x00", "")
            assert [name for name, value in theirs.ids.items() if value in shown] == [], address


def test_control_their_owner_is_shown_them(theirs):
    shown = [theirs.send(route, address, "GET").content.decode() for route, address in asked(theirs.ids)]

    for name in (
        "name",
        "reservation",
        "hostname",
        "server",
        "operation",
        "key",
        "quota_request",
        "quote",
        "waitlist_entry",
        "project",
    ):
        assert any(theirs.ids[name] in page for page in shown), name


def test_a_search_for_anothers_thing_leads_nowhere(mine, theirs):
    for name in ("name", "reservation", "server", "hostname"):
        reply = mine.send("find", f"find?q={theirs.ids[name]}", "GET")

        assert reply.status_code == 200, "a hit would redirect"
        assert b"/reservations/res_" not in reply.content


def test_nobody_works_in_anothers_project(mine, theirs):
    with nothing_changes():
        assert mine.browser.post("/project", {"project": theirs.ids["project"]}).status_code == 404
    assert theirs.ids["name"] not in mine.browser.get("/reservations").content.decode()


def test_nobody_reserves_with_anothers_key(mine, theirs):
    api = Api(mine.token)

    with nothing_changes():
        reply = api.post("/reservations", order(mine.scope.project, ssh_keys=[theirs.ids["key"]]))

    assert assert_problem(reply, 422, "invalid_input")["/ssh_keys/0"] == "unknown"


def test_the_staffs_pages_are_closed_to_tenants(mine):
    own = ("admin/login/", "admin/logout/")
    closed = [route for route in routes() if route.startswith(OF_STAFF) and route not in own]

    assert len(closed) >= 5
    with nothing_changes():
        for route in closed:
            address = re.sub(r"\(\?P<[^)]*\)\$?|<[^>]+>", "1", route)
            for method in ("GET", "POST"):
                reply = mine.browser.generic(method, f"/{address}")
                assert (reply.status_code, reply.headers["Location"].split("?")[0]) == (302, "/admin/login/"), route


def test_a_tenants_token_is_no_boot_token(mine):
    reports = {
        "agent/v1/progress": {"stage": "write", "percent": 1},
        "agent/v1/done": {"ok": True},
        "agent/v1/phone-home": {"hostname": "a", "host_keys": [factories.KEY]},
    }
    boot, medium = "agent/v1/boot/<str:token>", "agent/v1/media/<str:token>.iso"
    image = "agent/v1/images/<slug:public_id>"

    # The files of OS images are no tenant's.
    assert {route for route in routes() if route.startswith(OF_MACHINES)} == {*reports, boot, medium, image}
    for address, body in reports.items():
        reply = Client().post(f"/{address}", body, content_type="application/json", headers=mine.bearer)
        assert_problem(reply, 403, "boot_token_refused")
    assert_problem(Client().get(f"/agent/v1/boot/{mine.token}"), 403, "boot_token_refused")
    assert_problem(Client().get(f"/agent/v1/media/{mine.token}.iso"), 404, "not_found")
