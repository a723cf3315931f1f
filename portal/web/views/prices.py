"""The page of prices: no login, the same for everybody."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.catalog.price_list import HOURS_PER_MONTH, PriceList, price_list
from portal.catalog.terms import written
from portal.core import clock
from portal.core.errors import InvalidInput, NoPrice
from portal.core.money import Money
from portal.web.price_table import INCLUDED, credit_words, details, late_words, overview, span_words

UNKNOWN = 422


@require_safe
def prices(request: HttpRequest) -> HttpResponse:
    """Show the prices in a currency; another than is sold in is said, with those that are."""
    asked = request.GET.get("currency", "")
    refusal = ""
    try:
        try:
            found = price_list(asked, clock.now())
        except InvalidInput as error:
            refusal = error.detail
            found = price_list("", clock.now())
    except NoPrice as error:
        return render(request, "web/pages/prices.html", {"nothing": error.detail})
    context = _shown(found) | {"refusal": refusal}
    return render(request, "web/pages/prices.html", context, status=UNKNOWN if refusal else 200)


def _shown(found: PriceList) -> dict[str, object]:
    api = f"{reverse('api:prices')}?{urlencode({'currency': found.currency})}"
    return {
        "prices": found,
        "overview": overview(found),
        "details": details(found),
        "included": INCLUDED,
        "hours": HOURS_PER_MONTH,
        "api": api,
        "fees": [(fee, Money(fee.amount, found.currency)) for fee in found.fees],
        "levels": [
            {
                "tier": tier,
                "target": written(tier.target),
                "credits": credit_words(tier),
                "late": late_words(tier),
                "handover": span_words(tier.handover_minutes),
                "replacement": span_words(tier.replacement_minutes),
                "notice": span_words(60 * tier.maintenance_notice_hours),
                "maintenance": span_words(tier.maintenance_minutes_per_quarter),
            }
            for tier in found.sla_tiers
        ],
        "support": [
            {
                "tier": tier,
                "urgent": span_words(tier.urgent_minutes),
                "normal": span_words(tier.normal_minutes),
                "percent": written(tier.percent_of_spend),
            }
            for tier in found.support_tiers
        ],
    }
