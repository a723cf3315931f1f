"""Who is let in."""

from datetime import timedelta

import pytest
from django.test import Client

from portal.core import clock
from portal.core.actors import SYSTEM
from portal.tenancy import tokens
from portal.tenancy.models import APIToken
from portal.tenancy.roles import MAY, Role, Verb
from portal.tenancy.services import revoke_token
from tests import factories
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes

HEADERS = [
    (None, "unauthenticated"),
    ("", "unauthenticated"),
    ("Bearer", "invalid_token"),
    ("Bearer ", "invalid_token"),
    ("Basic dXNlcjpwYXNz", "invalid_token"),
    ("Bearer my_live_short", "invalid_token"),
    ("Bearer my_live_" + "0" * 39, "invalid_token"),
    (f"Bearer {tokens.new_token()}", "invalid_token"),
    ("Bearer na\u00efve", "invalid_token"),
    ("Bearer \x00", "invalid_token"),
    ("Bearer " + "x" * 5000, "invalid_token"),
]


def test_without_a_good_token_nobody_gets_in(db):
    for header, code in HEADERS:
        reply = Client().get("/api/v1/me", headers={} if header is None else {"Authorization": header})

        assert_problem(reply, 401, code)
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="metalyard"'


def test_a_wrong_token_is_refused_before_anything_else_is_looked_at(api, buyer):
    api.token = tokens.new_token()

    with nothing_changes():
        for reply in (
            api.post("/reservations", order(buyer.project)),
            api.send("POST", "/reservations", "{broken"),
            api.send("PATCH", "/reservations", ""),
            api.get("/regions", {"x": "1"}),
        ):
            assert_problem(reply, 401, "invalid_token")


def test_an_expired_token_opens_nothing(noon, api):
    APIToken.objects.update(expires_at=clock.now() + timedelta(seconds=1))
    assert api.get("/me").status_code == 200
    noon.shift(1)

    assert_problem(api.get("/me"), 401, "invalid_token")


def test_a_revoked_token_opens_nothing(api):
    revoke_token(actor=SYSTEM, token=APIToken.objects.get())

    assert_problem(api.get("/me"), 401, "invalid_token")


def test_the_word_bearer_may_be_written_in_any_case(api):
    assert Client().get("/api/v1/me", headers={"Authorization": f"bEARER {api.token}"}).status_code == 200


def test_a_login_of_the_web_pages_opens_nothing(buyer):
    client = Client()
    client.force_login(buyer.organization.memberships.get().user)

    assert_problem(client.get("/api/v1/me"), 401, "unauthenticated")


def test_when_and_from_where_it_was_used_is_noted(noon, api):
    api.get("/me")

    token = APIToken.objects.get()
    assert (token.last_used_at, token.last_used_from) == (clock.now(), "127.0.0.1")


@pytest.mark.parametrize("role", [role for role in Role if Verb.RESERVE not in MAY[role]])
def test_who_may_only_view_changes_nothing(buyer, scheduled, role):
    api = Api.of(buyer.project, role)
    key = buyer.project.ssh_keys.get()

    with nothing_changes():
        for reply in (
            api.post("/reservations", order(buyer.project)),
            api.post("/reservations?dry_run=true", order(buyer.project)),
            api.post(f"/reservations/{scheduled.public_id}/cancel"),
            api.post(f"/reservations/{scheduled.public_id}/release"),
            api.post("/ssh-keys", {"public_key": factories.KEY}),
            api.delete(f"/ssh-keys/{key.public_id}"),
        ):
            assert_problem(reply, 403, "permission_denied")
    assert api.get("/reservations").json()["data"][0]["id"] == scheduled.public_id
