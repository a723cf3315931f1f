"""A project's own images over the API."""

import pytest

from portal.catalog.models import ImageImport, OSImage
from portal.catalog.services.images import fail_import
from portal.core.actors import SYSTEM
from portal.fleet.models import Drive
from tests import factories, hands
from tests.api.client import Api, assert_problem, order
from tests.api.world import nothing_changes

QUOTED = ("server_type", "region", "count", "starts_at", "ends_at")
WISH = {
    "name": "Training base",
    "url": "https://images.example.com/base.raw.zst?signature=x",
    "sha256": factories.DIGEST,
    "default_user": "ubuntu",
}


def test_an_import_is_asked_for_and_followed(api, buyer):
    reply = api.post("/image-imports", WISH)

    row = ImageImport.objects.get()
    made = reply.json()
    assert (reply.status_code, reply.headers["Location"]) == (201, f"/api/v1/image-imports/{row.public_id}")
    assert {**made, **WISH} == made
    assert (made["state"], made["image"], made["project"]) == ("queued", None, buyer.project.public_id)

    fail_import(actor=SYSTEM, import_pk=row.pk, code="digest_mismatch")

    found = api.get(f"/image-imports/{row.public_id}").json()
    assert (found["state"], found["error_code"]) == ("failed", "digest_mismatch")
    assert "check both" in found["state_reason"]
    assert api.get("/image-imports", {"state": "failed"}).json()["data"] == [found]
    assert api.get("/image-imports", {"state": "queued"}).json()["data"] == []


def test_every_wrong_field_is_named(api):
    with nothing_changes():
        reply = api.post("/image-imports", {"name": "", "url": "http://x", "sha256": "5f", "default_user": "Root"})

    assert set(assert_problem(reply, 422, "invalid_input")) == {"/name", "/url", "/sha256", "/default_user"}


def test_a_scheme_in_capitals_is_https_too(api):
    reply = api.post("/image-imports", {**WISH, "url": "HTTPS://images.example.com/Base.raw"})

    assert (reply.status_code, reply.json()["url"]) == (201, "https://images.example.com/Base.raw")


def test_the_limit_is_told(api, settings):
    settings.METALYARD_OWN_IMAGES = 0

    with nothing_changes():
        reply = api.post("/image-imports", WISH)

    assert_problem(reply, 409, "image_limit_reached")
    assert reply.json()["limit"] == 0


def test_an_own_image_is_reserved_with_by_its_project_alone(api, buyer):
    image = factories.own_image(buyer)
    other = factories.buyer()

    assert image.public_id in [row["id"] for row in api.get("/images").json()["data"]]
    assert api.post("/reservations", order(buyer.project, image=image.public_id)).status_code == 201
    stranger = Api.of(other.project)
    assert image.public_id not in [row["id"] for row in stranger.get("/images").json()["data"]]
    with nothing_changes():
        reply = stranger.post("/reservations", order(other.project, image=image.slug))
    assert assert_problem(reply, 422, "invalid_input")["/image"] == "unknown"


def test_an_own_image_is_withdrawn_once(api, buyer):
    image = factories.own_image(buyer)
    address = f"/images/{image.public_id}/withdraw"

    assert api.post(address, {}).json()["id"] == image.public_id
    assert not OSImage.objects.get(pk=image.pk).is_published
    with nothing_changes():
        assert_problem(api.post(address, {}), 409, "state_conflict")


@pytest.mark.parametrize("name", ["ubuntu-24-04", "img_nothing"])
def test_what_belongs_to_everybody_is_nobodys_to_withdraw(api, name):
    image = OSImage.objects.filter(slug=name).first()

    with nothing_changes():
        assert_problem(api.post(f"/images/{image.public_id if image else name}/withdraw", {}), 404, "not_found")


def test_an_own_image_that_no_drive_holds_is_refused_before_anything_is_booked(api, buyer):
    image = factories.own_image(buyer)
    OSImage.objects.filter(pk=image.pk).update(encoding="zstd", disk_bytes=Drive.objects.first().size_bytes + 1)
    quote = api.post("/quotes", {name: order(buyer.project)[name] for name in QUOTED}).json()["id"]
    accepted = {"name": "b", "image": image.public_id, "ssh_keys": order(buyer.project)["ssh_keys"]}
    held = hands.active(buyer).allocations.get()

    with nothing_changes():
        replies = [
            api.post("/reservations", order(buyer.project, image=image.public_id)),
            api.post(f"/quotes/{quote}/accept", accepted),
            api.post(f"/servers/{held.server.public_id}/reinstall", {"image": image.public_id}),
        ]

    assert [assert_problem(reply, 422, "invalid_input") for reply in replies] == [{"/image": "too_large"}] * 3
