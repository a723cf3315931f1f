"""Certificates as staff have them: found by what is on a drive's label, and given away as files."""

import pytest

from portal.core.actors import SYSTEM
from portal.fleet.certificates import LeftBy, public_keys
from portal.fleet.erasures import record_erasure
from portal.fleet.models import ErasureCertificate
from portal.fleet.services import return_to_pool
from portal.fleet.verify import read
from portal.tenancy.staff import StaffRole
from tests import factories, staff

LIST = "/admin/fleet/erasurecertificate/"


@pytest.fixture
def issued(db):
    """Return the certificates of two servers, one left by a reservation."""
    for operation, left_by in (("op_1", LeftBy("res_1", factories.buyer().project)), ("op_2", LeftBy())):
        server = factories.server(state="releasing")
        report = factories.drive_report(server.drives.get())
        record_erasure(actor=SYSTEM, server=server, operation_id=operation, report=report)
        return_to_pool(actor=SYSTEM, server=server, operation_id=operation, left_by=left_by)
    return list(ErasureCertificate.objects.order_by("pk"))


@pytest.mark.parametrize("role", [StaffRole.SALES, StaffRole.OPERATIONS, StaffRole.SUPPORT])
def test_who_sees_servers_finds_and_downloads_what_verifies_offline(issued, role):
    browser = staff.browser(role)

    for row, other in (issued, reversed(issued)):
        found = browser.get(LIST, {"q": row.drive_serial}).content.decode()
        page = browser.get(f"{LIST}{row.pk}/change/").content.decode()
        assert row.public_id in found
        assert other.public_id not in found
        files = {kind: browser.get(f"{LIST}{row.pk}/file.{kind}") for kind in ("json", "pdf")}
        assert all(f'href="{LIST}{row.pk}/file.{kind}"' in page for kind in files)
        assert read(files["json"].content, public_keys())["id"] == row.public_id
        assert files["pdf"].content.startswith(b"%PDF-")
        assert files["pdf"].headers["Content-Disposition"] == f'attachment; filename="{row.public_id}.pdf"'


def test_what_is_not_there_is_not_found_and_strangers_get_nothing(issued):
    (row, _), browser = issued, staff.browser(StaffRole.SUPPORT)

    assert [browser.get(f"{LIST}{name}").status_code for name in ("0/file.json", f"{row.pk}/file.xml")] == [404, 404]
    assert staff.browser(StaffRole.FINANCE).get(f"{LIST}{row.pk}/file.json").status_code == 403
    browser.logout()
    assert browser.get(f"{LIST}{row.pk}/file.json").status_code == 302
    browser.force_login(factories.user())
    assert browser.get(f"{LIST}{row.pk}/file.json").status_code == 302
