"""SSH keys over HTTP."""

import pytest

from portal.audit.models import AuditEvent
from portal.tenancy.models import SSHKey
from tests import factories
from tests.api.client import Api, assert_problem
from tests.api.world import nothing_changes


@pytest.fixture
def empty(db):
    """Return a client of a project without keys."""
    return Api.of(factories.project())


def test_a_key_is_added_listed_shown_and_deleted(noon, empty):
    made = empty.post("/ssh-keys", {"public_key": factories.KEY, "name": "Laptop"})
    key = SSHKey.objects.get()
    address = f"/ssh-keys/{key.public_id}"

    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1{address}"
    assert made.json() == {
        "id": key.public_id,
        "name": "Laptop",
        "key_type": "ssh-ed25519",
        "fingerprint": key.fingerprint,
        "public_key": factories.KEY,
        "created_at": "2030-01-15T12:00:00Z",
    }
    assert key.fingerprint.startswith("SHA256:")
    assert empty.get(address).json() == made.json()
    assert empty.get("/ssh-keys").json() == {"data": [made.json()], "next_cursor": None}

    gone = empty.delete(address)

    assert (gone.status_code, gone.content) == (204, b"")
    assert not SSHKey.objects.exists()
    assert_problem(empty.get(address), 404, "not_found")
    assert_problem(empty.delete(address), 404, "not_found")
    assert AuditEvent.objects.filter(verb="ssh_key.removed").count() == 1


def test_without_a_name_the_comment_names_it(empty):
    assert empty.post("/ssh-keys", {"public_key": factories.KEY}).json()["name"] == "ana@lab"


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("public_key", {"public_key": factories.KEY, "name": "other"}),
        ("name", {"public_key": "{other}", "name": "ANA@lab"}),
    ],
)
def test_a_duplicate_names_the_field(empty, field, body):
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfqPLZWKeuiWSS2xUPmRAz3p5ULYFX1gbTNMq0CRpsU"
    empty.post("/ssh-keys", {"public_key": factories.KEY})

    with nothing_changes():
        reply = empty.post("/ssh-keys", {**body, "public_key": body["public_key"].format(other=other)})

    assert assert_problem(reply, 422, "invalid_input") == {f"/{field}": "duplicate"}


def test_the_key_of_another_tenant_is_not_there(api, foreign):
    theirs = foreign.project.ssh_keys.get()

    with nothing_changes():
        shown = api.get(f"/ssh-keys/{theirs.public_id}")
        deleted = api.delete(f"/ssh-keys/{theirs.public_id}")

    assert_problem(shown, 404, "not_found")
    assert_problem(deleted, 404, "not_found")
    assert theirs.public_id not in api.get("/ssh-keys").content.decode()
