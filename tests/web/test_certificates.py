"""Certificates of erasure on the page of a reservation, and as downloads."""

import pytest

from portal.fleet.certificates import public_keys
from portal.fleet.models import ErasureCertificate
from portal.fleet.verify import read
from portal.reservations.services import lifecycle
from tests import factories, hands
from tests.web.conftest import browser_of


@pytest.fixture
def ended(db):
    buyer = factories.buyer()
    factories.servers(2)
    reservation = hands.active(buyer, count=2)
    lifecycle.release(scope=buyer, actor=buyer.actor, reservation=reservation)
    return buyer, hands.work(reservation)


def test_the_page_lists_them_with_their_downloads(ended):
    buyer, reservation = ended
    window = browser_of(buyer)

    page = window.get(f"/reservations/{reservation.public_id}").content.decode()

    rows = list(ErasureCertificate.objects.filter(subject=reservation.public_id))
    assert len(rows) == 2
    assert "Certificates of erasure" in page
    for row in rows:
        assert row.drive_serial in page
        for ending in ("json", "pdf"):
            assert f'href="/certificates/{row.public_id}.{ending}"' in page


def test_what_is_downloaded_verifies_and_has_a_name(ended):
    buyer, _ = ended
    row = ErasureCertificate.objects.first()

    signed = browser_of(buyer).get(f"/certificates/{row.public_id}.json")
    page = browser_of(buyer).get(f"/certificates/{row.public_id}.pdf")

    assert read(signed.content, public_keys())["id"] == row.public_id
    assert page.content.startswith(b"%PDF-")
    for reply, ending in ((signed, "json"), (page, "pdf")):
        assert reply.headers["Content-Disposition"] == f'attachment; filename="{row.public_id}.{ending}"'


def test_anothers_are_not_there(ended):
    row, other = ErasureCertificate.objects.first(), browser_of(factories.buyer())

    assert [other.get(f"/certificates/{row.public_id}.{ending}").status_code for ending in ("json", "pdf")] == [
        404,
        404,
    ]


def test_where_nothing_was_taken_back_there_is_no_section(db):
    buyer = factories.buyer()
    factories.servers(1)
    reservation = hands.active(buyer)

    assert (
        "Certificates of erasure"
        not in browser_of(buyer).get(f"/reservations/{reservation.public_id}").content.decode()
    )
