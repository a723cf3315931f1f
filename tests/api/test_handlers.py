"""What is answered where no view answers."""

import pytest
from django.test import Client

from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes

ANYWHERE = ["/api/", "/api/v1", "/api/v1/", "/api/v2/me", "/api/v1/nowhere", "/api/v1/me/x", "/agent/v1/x"]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_unknown_addresses_are_problems(db, method):
    for address in ANYWHERE:
        assert_problem(getattr(Client(enforce_csrf_checks=True), method)(address), 404, "not_found")


def test_a_slash_at_the_end_is_pointed_out_and_leads_nowhere(api):
    for reply in (api.get("/reservations/"), api.post("/reservations/", {}), api.get("/reservations/res_x/")):
        assert_problem(reply, 404, "not_found")
        assert reply.json()["detail"].endswith("leave out the slash at its end.")


def test_bytes_that_are_no_text_are_nowhere(api):
    with nothing_changes():
        for path in ("/reservations/%00", "/servers/a%00b", "/ssh-keys/%ff", "/operations/%ED%A0%80", "/%00"):
            for reply in (api.get(path), api.post(path), api.delete(path)):
                assert_problem(reply, 404, "not_found")


def test_nul_in_a_query_is_a_field_error(api):
    for name in ("cursor", "limit", "state", "name", "region", "server_type", "%00", "%ED%A0%80"):
        assert_problem(api.send("GET", f"/reservations?{name}=a%00b", ""), 422, "invalid_input")


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("PUT", "/reservations", "GET, HEAD, POST"),
        ("PATCH", "/reservations/res_x", "GET, HEAD"),
        ("DELETE", "/reservations/res_x", "GET, HEAD"),
        ("GET", "/reservations/res_x/cancel", "POST"),
        ("POST", "/ssh-keys/key_x", "GET, HEAD, DELETE"),
        ("OPTIONS", "/me", "GET, HEAD"),
        ("TRACE", "/me", "GET, HEAD"),
        ("BREW", "/me", "GET, HEAD"),
        ("POST", "/docs/", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("POST", "/problems", "GET, HEAD"),
    ],
)
def test_wrong_methods_are_problems_that_name_the_right_ones(api, method, address, allowed):
    reply = api.send(method, address, "")

    assert_problem(reply, 405, "method_not_allowed")
    assert reply.headers["Allow"] == allowed


def test_health_takes_no_other_method_either(db):
    for address in ("/healthz", "/readyz"):
        assert_problem(Client(enforce_csrf_checks=True).post(address), 405, "method_not_allowed")


def test_only_json_is_answered(api):
    assert_problem(api.get("/me", Accept="text/html"), 406, "not_acceptable")
    assert api.get("/me", Accept="text/html, */*;q=0.1").status_code == 200


def test_a_fault_of_ours_is_a_problem_without_any_detail(api, monkeypatch):
    def broken():
        raise RuntimeError("secret of the inside")

    # The edge: no input is known that breaks a view, so the question that it asks is made to fail.
    monkeypatch.setattr("portal.api.views.catalogue.images", broken)
    reply = api.get("/images")

    assert_problem(reply, 500, "internal_error")
    assert b"secret" not in reply.content


def test_an_unknown_host_is_a_problem(settings, db):
    settings.ALLOWED_HOSTS = ["portal.example.test"]

    assert_problem(Client().get("/api/v1/me", headers={"Host": "evil.example"}), 400, "malformed_request")


def test_people_get_pages(db):
    reply = Client().get("/nowhere")

    assert reply.status_code == 404
    assert reply.headers["Content-Type"].startswith("text/html")
    assert Api("").get("/docs/").headers["Content-Type"].startswith("text/html")
