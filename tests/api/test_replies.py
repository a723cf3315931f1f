"""Entity tags and what is made conditional on them."""

import pytest

from portal.tenancy.models import SSHKey
from tests import factories
from tests.api.client import assert_problem
from tests.api.world import nothing_changes


@pytest.fixture
def objects(buyer, active):
    """Return the address of one object of each kind."""
    server = active.allocations.first().server
    return [
        "/me",
        f"/reservations/{active.public_id}",
        f"/servers/{server.public_id}",
        f"/operations/{buyer.project.operations.get().public_id}",
        f"/ssh-keys/{buyer.project.ssh_keys.get().public_id}",
    ]


def test_an_object_that_is_known_is_not_sent_again(api, objects):
    api.get("/me")  # from now on the use of the token is noted
    for address in objects:
        first = api.get(address)
        tag = first.headers["ETag"]
        assert tag.startswith('"'), "a strong one"

        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = api.get(address, **{"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b""), (address, known)
            assert again.headers["ETag"] == tag
        assert api.get(address, **{"If-None-Match": '"other"'}).content == first.content


def test_a_change_changes_the_tag(api, scheduled):
    address = f"/reservations/{scheduled.public_id}"
    before = api.get(address).headers["ETag"]
    cancelled = api.post(f"{address}/cancel").headers["ETag"]

    after = api.get(address, **{"If-None-Match": before})

    assert after.status_code == 200
    assert after.headers["ETag"] == cancelled != before


def test_head_gives_the_headers_alone(api, scheduled):
    reply = api.send("HEAD", f"/reservations/{scheduled.public_id}", "")

    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["ETag"] == api.get(f"/reservations/{scheduled.public_id}").headers["ETag"]


def test_what_has_changed_meanwhile_is_not_ended(api, buyer):
    reservation = factories.reservation(buyer, starts_at=None)
    address = f"/reservations/{reservation.public_id}"
    seen = api.get(address).headers["ETag"]
    factories.hand_over(reservation)

    with nothing_changes():
        for old in (seen, '"x"', f"W/{api.get(address).headers['ETag']}", "nonsense"):
            assert_problem(api.post(f"{address}/release", **{"If-Match": old}), 412, "precondition_failed")
            assert_problem(api.post(f"{address}/release?dry_run=true", **{"If-Match": old}), 412, "precondition_failed")

    now = api.get(address).headers["ETag"]
    assert api.post(f"{address}/release", **{"If-Match": f'"x", {now}'}).json()["state"] == "ending"


def test_a_star_matches_what_is_there(api, scheduled):
    assert api.post(f"/reservations/{scheduled.public_id}/cancel", **{"If-Match": "*"}).status_code == 200
    assert_problem(api.post("/reservations/res_x/cancel", **{"If-Match": "*"}), 404, "not_found")


def test_a_key_is_deleted_as_it_was_seen_or_not(api, buyer):
    key = buyer.project.ssh_keys.get()
    address = f"/ssh-keys/{key.public_id}"
    seen = api.get(address).headers["ETag"]
    SSHKey.objects.filter(pk=key.pk).update(name="renamed")

    with nothing_changes():
        assert_problem(api.delete(address, **{"If-Match": seen}), 412, "precondition_failed")

    assert api.delete(address, **{"If-Match": api.get(address).headers["ETag"]}).status_code == 204
