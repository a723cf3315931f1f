from datetime import timedelta
import pytest
from portal.core import clock
from portal.reservations.models import Quote, Reservation, WaitlistEntry, Enquiry, Pool
from portal.tenancy.staff import StaffRole
from tests import factories, staff
from tests.web.browser import overflow, violations, watch
from tests.web.test_staff import log_in, OF_THE_THEME


@pytest.fixture
def world(transactional_db):
    now = clock.now()
    D = timedelta(days=1)
    b = factories.buyer(200)
    other = factories.server_type("b200x8", name="8 x B200")
    factories.price(of_type=other)
    factories.quota(b.organization, 200, of_type=other)
    factories.servers(40)
    factories.servers(4, is_spare=True)
    factories.servers(2, state="quarantined")
    factories.servers(16, in_fabric=factories.fabric("B"))
    factories.server(in_fabric=factories.fabric("B"), is_spare=True)
    factories.servers(12, of_type=other)
    factories.reservation(b, name="train-7b", count=24, starts_at=now + 2 * D, ends_at=now + 20 * D)
    factories.reservation(b, name="train-8b", count=14, starts_at=now + 12 * D, ends_at=now + 60 * D)
    factories.reservation(b, name="eval", count=12, server_type=other, starts_at=now + 1 * D, ends_at=now + 30 * D)
    factories.hold(b, count=8, starts_at=now + 3 * D, ends_at=now + 9 * D)
    factories.quote(b, count=8)
    e = factories.waitlist_entry(b, count=16, ceiling=100000)
    factories.waitlist_entry(factories.buyer(), count=2)
    for n in range(9):
        factories.enquiry(
            b.organization,
            count=n + 1,
            outcome=["no_fit", "refused", "made"][n % 3],
            reason=["", "quota_exceeded", ""][n % 3],
        )
    return staff.person(staff.ADMINISTRATOR)


@pytest.mark.parametrize("scheme,width", [("light", 1440), ("dark", 1440), ("dark", 390), ("light", 390)])
def test_look(open_page, world, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    bad = watch(page)
    log_in(page, world)
    r = Reservation.objects.get(name="train-7b")
    q = Quote.objects.filter(is_hold=True).get()
    w = WaitlistEntry.objects.first()
    pages = {
        "board": "/admin/reservations/pool/board/",
        "home": "/admin/",
        "res": staff.page_of(r),
        "quotes": "/admin/reservations/quote/",
        "quote": staff.page_of(q),
        "wait": "/admin/reservations/waitlistentry/",
        "waitone": staff.page_of(w),
        "enq": "/admin/reservations/enquiry/",
        "pools": "/admin/reservations/pool/",
        "pool": staff.page_of(Pool.objects.first()),
        "extend": staff.act_of(r, "extend"),
        "org": staff.page_of(r.organization),
    }
    wrong = []
    for name, address in pages.items():
        reply = page.goto(address)
        page.wait_for_load_state("networkidle")
        if name == "extend":
            page.get_by_label("Reason").fill("asked by phone")
            page.get_by_label("New end").fill((r.span.end + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"))
            page.get_by_role("button", name="Extend").click()
            page.wait_for_load_state("networkidle")
        page.screenshot(path=f"/tmp/look/{name}-{scheme}-{width}.png", full_page=True)
        if overflow(page) > 0:
            wrong.append(f"{name} overflow {overflow(page)}")
        if reply.status != 200:
            wrong.append(f"{name} {reply.status}")
        wrong += [f"{name} {line}" for line in violations(page) if not line.startswith(OF_THE_THEME)]
    assert (wrong, [b for b in bad if "422" not in b]) == ([], [])
