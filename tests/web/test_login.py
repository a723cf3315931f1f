"""Logging in and out."""

import pytest
from django.core.cache import cache
from django.test import Client

from portal.web.attempts import PER_ACCOUNT
from tests import factories


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture
def person(db):
    home = factories.project()
    return factories.member(home.organization, email="ana@example.test")


def post(client, **fields):
    return client.post("/login", {"email": "ana@example.test", "password": factories.PASSWORD, **fields})


def test_a_right_pair_leads_to_the_dashboard_whatever_the_case_of_the_address(person):
    reply = post(Client(), email="Ana@Example.TEST")

    assert (reply.status_code, reply.url) == (302, "/")


def test_the_page_that_was_asked_for_comes_after_the_login(person):
    client = Client()
    asked = client.get("/reservations?show=all")

    assert asked.url == "/login?next=/reservations%3Fshow%3Dall"
    assert post(client, next="/reservations?show=all").url == "/reservations?show=all"


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_led_to_foreign_addresses(person, address):
    assert post(Client(), next=address).url == "/"


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "wrong"},
        {"email": "nobody@example.test"},
        {"email": "ana"},
        {"password": ""},
        {"email": "a\x00@b.c"},
    ],
)
def test_a_wrong_pair_keeps_the_address_and_logs_nobody_in(person, fields):
    client = Client()

    reply = post(client, **fields)

    assert reply.status_code == 200
    assert b"error-summary" in reply.content
    assert fields.get("email", "ana@example.test").split("\x00")[0] in reply.content.decode()
    assert client.get("/").status_code == 302


def test_guessing_is_braked_and_the_brake_holds_for_the_right_password_too(person):
    client = Client()
    for _ in range(PER_ACCOUNT):
        post(client, password="wrong")

    reply = post(client)

    assert reply.status_code == 429
    assert "Too many wrong attempts" in reply.content.decode()
    assert client.get("/").status_code == 302


def test_the_brake_of_one_account_does_not_hold_another(person):
    factories.member(factories.organization(), email="ben@example.test")
    client = Client()
    for _ in range(PER_ACCOUNT):
        post(client, password="wrong")

    assert post(client, email="ben@example.test").status_code == 302


def test_logging_out_is_a_post(person):
    client = Client()
    post(client)

    assert client.get("/logout").status_code == 405
    assert client.post("/logout").url == "/login"
    assert client.get("/").status_code == 302


def test_a_fragment_without_login_sends_the_whole_page_to_the_login(db):
    reply = Client().get("/reservations/res_x/live", headers={"HX-Request": "true"})

    assert reply.headers["HX-Redirect"] == "/login"
    assert reply.content == b""


def test_after_the_session_ended_the_login_leads_back_to_the_page_that_polled(db, person):
    page = "http://testserver/reservations?show=all"
    reply = Client().get("/reservations/res_x/live", headers={"HX-Request": "true", "HX-Current-URL": page})
    login = Client().get(reply.headers["HX-Redirect"])

    assert reply.headers["HX-Redirect"] == "/login?ended=1&next=/reservations%3Fshow%3Dall"
    assert b"Your session ended" in login.content
    assert post(Client(), next=login.context["next"]).url == "/reservations?show=all"


def test_somebody_without_a_project_is_told_so_and_staff_go_to_the_admin(db):
    client = Client()
    client.force_login(factories.user())
    assert client.get("/").status_code == 403

    client.force_login(factories.user(is_staff=True))
    assert client.get("/").url == "/admin/"


def test_a_member_of_several_projects_begins_in_the_oldest(db, client):
    organization = factories.organization("Acme")
    oldest = factories.project(organization, "zeta")
    factories.project(organization, "alpha")
    client.force_login(factories.member(organization))

    shown = client.get("/")

    assert shown.context["shell"].project == oldest
