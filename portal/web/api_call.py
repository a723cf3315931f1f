"""What somebody does on a page, written as the call of the API that does the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from portal.core import clock
from portal.reservations.capacity import Demand
from portal.web.forms.plan import Plan
from portal.web.forms.reserve import ReserveForm


@dataclass(frozen=True)
class Field:
    """A line of the body: the field's name, its value as JSON, and the control of the form that it follows, if any."""

    name: str
    value: str
    control: str = ""


@dataclass(frozen=True)
class ApiCall:
    """A call as curl makes it; without ``fields`` it is a GET."""

    url: str
    fields: tuple[Field, ...] = ()


def _json(value: Any) -> str:
    """Write a value so that it can stand between single quotes in a shell: JSON can spell the quote otherwise."""
    return json.dumps(value, ensure_ascii=False).replace("'", "\\u0027")


def _wanted(demand: Demand, *, starts_now: bool) -> dict[str, Any]:
    starts = {} if starts_now else {"starts_at": clock.as_rfc3339(demand.period.start)}
    return {
        "server_type": demand.server_type.slug,
        "region": demand.region.code,
        "count": demand.count,
        **starts,
        "ends_at": clock.as_rfc3339(demand.period.end),
        "placement": str(demand.placement),
        **({"fabric": demand.fabric.name} if demand.fabric else {}),
    }


def search_call(request: HttpRequest, demand: Demand, *, starts_now: bool) -> ApiCall:
    """Return the call that asks whether a demand fits."""
    return _get(request, reverse("api:availability"), _wanted(demand, starts_now=starts_now))


def servers_call(request: HttpRequest, reservation_id: str) -> ApiCall:
    """Return the call that lists the servers of a reservation with how to log in to them."""
    return _get(request, reverse("api:reservation-servers", args=[reservation_id]), {})


def _get(request: HttpRequest, path: str, query: Mapping[str, Any]) -> ApiCall:
    address = request.build_absolute_uri(path)
    return ApiCall(f"{address}?{urlencode(query)}" if query else address)


def reserve_call(request: HttpRequest, plan: Plan, form: ReserveForm) -> ApiCall:
    """Return the call that reserves what the form would; its lines follow what is typed."""
    keys = form["ssh_keys"].value() if "ssh_keys" in form.fields else []
    typed = {
        "name": form["name"].value() or "",
        "image": form["image"].value() or next(iter(form.images), ""),
        "ssh_keys": keys or [],
        "user_data": form["user_data"].value() or "",
    }
    fixed = tuple(Field(name, _json(value)) for name, value in _wanted(plan.demand, starts_now=plan.starts_now).items())
    following = tuple(Field(name, _json(value), name) for name, value in typed.items())
    return ApiCall(request.build_absolute_uri(reverse("api:reservations")), following[:1] + fixed + following[1:])
