"""Whose token it is, and its limits."""

from portal.tenancy.models import APIToken
from portal.tenancy.roles import Role
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
        "scopes": ["manage_images", "manage_keys", "operate", "release", "reserve", "view"],
    }
    assert api.get("/me").json()["token"]["last_used_at"] == "2030-01-15T12:00:00Z"


def test_a_viewers_token_may_only_view(buyer):
    assert Api.of(buyer.project, Role.VIEWER).get("/me").json()["scopes"] == ["view"]
