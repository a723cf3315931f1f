"""Whose token it is, and its limits."""

from datetime import timedelta

from portal.core import clock
from portal.tenancy.models import APIToken
from portal.tenancy.roles import Role
from tests import factories
from tests.api.client import Api


def test_a_token_tells_whose_it_is_and_what_it_may(noon, api, buyer):
    token = APIToken.objects.get()

    assert api.get("/me").json() == {
        "token": {
            "id": token.public_id,
            "name": "ci",
            "prefix": api.token[:14],
            "expires_at": None,
            "last_used_at": None,
        },
        "organization": {"id": buyer.organization.public_id, "name": buyer.organization.name},
        "project": {"id": buyer.project.public_id, "name": buyer.project.name},
        "currency": "USD",
        "role": "operator",
        "scopes": ["manage_keys", "release", "reserve", "view"],
    }
    assert api.get("/me").json()["token"]["last_used_at"] == "2030-01-15T12:00:00Z"


def test_a_viewers_token_may_only_view(buyer):
    assert Api.of(buyer.project, Role.VIEWER).get("/me").json()["scopes"] == ["view"]


def test_quotas_tell_the_limit_and_what_is_held_now(noon, api, buyer):
    quota = buyer.organization.quotas.get()
    other = factories.quota(buyer.organization, 3, in_region=factories.region("us-east-1"))
    factories.quota(factories.organization(), 7)
    factories.reservation(buyer, count=2, starts_at=None, ends_at=clock.now() + timedelta(hours=4))
    factories.reservation(buyer, count=5)

    def row(kept, region, used):
        return {
            "id": kept.public_id,
            "server_type": "h100x8",
            "region": region,
            "limit": kept.limit,
            "used": used,
        }

    assert api.get("/quotas").json() == {
        "data": [row(quota, "eu-north-1", 2), row(other, "us-east-1", 0)],
        "next_cursor": None,
    }
