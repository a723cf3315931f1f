"""The pages of usage and invoices as browsers show them: nothing for axe to find, in both colours and widths."""

from datetime import timedelta

import pytest

from portal.core import clock
from portal.core.months import month_of, previous_month
from tests.billing import yard
from tests.web.browser import needs_chromium
from tests.web.conftest import browser_of
from tests.web.test_every_page import Looker

pytestmark = [needs_chromium, pytest.mark.long, pytest.mark.django_db(transaction=True)]


def test_a_month_of_use_and_its_invoice(open_page, buyer):
    now = clock.now()
    month = previous_month(month_of(now))
    with yard.clock_at(now - timedelta(days=45)):
        yard.begun(buyer, now - timedelta(days=44), days=70, count=3, name="pretraining")
    for other in (previous_month(month), month):
        made = yard.close(buyer.organization, other)
    looker = Looker(open_page, browser_of(buyer))

    for address in ("/usage", f"/usage?month={month:%Y-%m}", "/invoices", f"/invoices/{made[0].public_id}"):
        looker.look(address)

    assert looker.wrong == {}
