"""The page of images: the catalogue, and a project's own."""

import pytest

from portal.catalog.models import ImageImport
from portal.tenancy.roles import Role
from tests import factories
from tests.web.conftest import browser_of

WISH = {
    "name": "Training base",
    "url": "https://images.example.com/base.raw.zst",
    "sha256": factories.DIGEST,
    "default_user": "ubuntu",
}


def test_an_image_is_imported_and_its_state_shown(web, buyer):
    assert web.post("/images", WISH).url == "/images"

    row = ImageImport.objects.get()
    page = web.get("/images").content.decode()
    assert (row.project, row.name) == (buyer.project, "Training base")
    assert row.public_id in page
    assert "Queued" in page


@pytest.mark.parametrize(
    "field, value",
    [("url", "http://x"), ("sha256", "5f"), ("default_user", "Root"), ("default_user", "root"), ("name", "")],
)
def test_a_bad_wish_is_named_on_its_field_and_kept(web, field, value):
    reply = web.post("/images", {**WISH, field: value})
    page = reply.content.decode()

    assert reply.status_code == 422
    assert f'id="id_{field}_error"' in page
    assert "Training base" in page or field == "name"
    assert not ImageImport.objects.exists()


def test_too_many_images_are_refused_in_words(web, settings):
    settings.METALYARD_OWN_IMAGES = 0

    reply = web.post("/images", WISH)

    assert reply.status_code == 422
    assert "may have no more" in reply.content.decode()
    assert not ImageImport.objects.exists()


def test_an_own_image_is_withdrawn(web, buyer):
    image = factories.own_image(buyer)
    assert "your own" in web.get("/images").content.decode()

    for _ in range(2):
        assert web.post(f"/images/{image.public_id}/withdraw").url == "/images"

    image.refresh_from_db()
    assert not image.is_published


def test_who_may_not_manage_sees_the_catalogue_only(buyer):
    factories.own_image(buyer)
    viewer = browser_of(factories.scope(Role.VIEWER, buyer.project))

    page = viewer.get("/images").content.decode()

    assert "your own" in page
    assert '<form method="post" action="/images' not in page
    assert viewer.post("/images", WISH).status_code == 403
    assert ImageImport.objects.count() == 1
