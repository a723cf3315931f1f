"""Made-up content for the gallery of components at /ui/: every component in every state, without a database."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.paginator import Paginator

from portal.core.money import Money
from portal.tenancy.models import Organization, Project
from portal.web import navigation
from portal.web.api_call import ApiCall, Field
from portal.web.event_log import Line
from portal.web.shell import Shell

AT = datetime(2026, 12, 2, 12, 0, tzinfo=UTC)

STATES = (
    "held", "scheduled", "provisioning", "active", "ending", "ended", "cancelled", "expired", "failed",
    "available", "deploying", "in_use", "releasing", "maintenance", "quarantined",
)  # fmt: skip

ICONS = (
    "layout-dashboard", "calendar-days", "ticket-check", "server", "key-round", "gauge", "search", "folder",
    "terminal", "clock", "circle-check", "circle-alert", "triangle-alert", "info", "copy", "trash-2", "plus",
    "network", "cpu", "map-pin", "refresh-cw", "power", "bell", "download", "hard-drive",
)  # fmt: skip


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Name", help_text="Begins the host names of the servers.")
    count = forms.IntegerField(label="Servers", min_value=1)
    image = forms.ChoiceField(label="OS image", choices=[("u", "Ubuntu 24.04"), ("d", "Debian 13")])
    starts_at = forms.DateTimeField(
        label="Start (UTC)", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    ssh_keys = forms.MultipleChoiceField(
        label="SSH keys",
        choices=[("a", "ana@lab"), ("b", "ci-deploy")],
        widget=forms.CheckboxSelectMultiple,
    )
    user_data = forms.CharField(label="User data", required=False, widget=forms.Textarea(attrs={"rows": 3}))


def sample_shell(real: Shell) -> Shell:
    """Return the frame as a customer sees it, in the reader's own colours."""
    project = Project(name="training-prod", organization=Organization(name="Acme"))
    return replace(
        real,
        nav=navigation.draw("availability", {"reservations": 3, "servers": 24}),
        project=project,
        projects=[project],
        user_label="ana.kline@example.com",
        initials="AK",
        role="owner of Acme",
        is_staff=False,
    )


def _tiles() -> list[dict[str, Any]]:
    kinds = [
        ("wait", 0, "waiting"),
        ("busy", 12, "switching on"),
        ("busy", 62, "writing image, 62 %"),
        ("ok", 100, "ready"),
        ("bad", 40, "image checksum wrong; server left the pool"),
    ]
    return [
        {"id": f"s{n}", "name": f"gpu-0{n}", "tone": tone, "percent": percent, "note": note}
        for n, (tone, percent, note) in enumerate(kinds, start=1)
    ]


def _stages(states: list[str]) -> list[dict[str, str]]:
    labels = ["Allocated", "Network boot", "OS image", "First boot", "Hand-over"]
    notes = ["4 servers, 1 fabric", "done 11:02", "3 of 4", "waiting", "keys, host keys"]
    return [
        {"label": label, "note": note, "state": state} for label, note, state in zip(labels, notes, states, strict=True)
    ]


def _log() -> list[Line]:
    return [
        Line("evt3", AT, "Image checksum wrong. Taken out of the pool.", "bad", new_day=True, hostnames=["gpu-05"]),
        Line("evt2", AT, "First boot ok.", hostnames=["gpu-01", "gpu-02", "gpu-04"], durations_ms=[241_000, 252_000]),
        Line("evt1", AT, "Reserved 4 x 8x H200 in eu-north-1."),
    ]


def gallery() -> dict[str, Any]:
    """Return the context of the gallery page."""
    wrong = SampleForm(
        {"wrong-name": "", "wrong-count": "0", "wrong-image": "u", "wrong-starts_at": ""}, prefix="wrong"
    )
    wrong.add_error(None, "Only 3 servers are free in this window; the next full slot begins 4 Dec 12:00 UTC.")
    return {
        "states": STATES,
        "icons": ICONS,
        "form": SampleForm(prefix="right", initial={"name": "pretrain-7b", "count": 16}),
        "wrong": wrong,
        "facts": [
            {"label": "Pool", "value": "8x H200 · eu-north-1"},
            {"label": "Starts", "value": "2 Dec 12:00 UTC"},
            {"label": "Ends", "value": "16 Dec 12:00 UTC", "note": "in 14 d"},
            {"label": "Ready by (est.)", "value": "11:41 UTC", "note": "19 min early"},
            {"label": "Total", "value": "$116,338.43"},
        ],
        "stages": _stages(["done", "done", "now", "todo", "todo"]),
        "stages_failed": _stages(["done", "failed", "todo", "todo", "todo"]),
        "tiles": _tiles(),
        "log": _log(),
        "call": ApiCall(
            "https://portal.example/api/v1/reservations", (Field("name", '"train-7b"'), Field("count", "4"))
        ),
        "meters": [
            {"label": "H200 · eu-north-1", "used": 8, "limit": 32, "percent": 25, "tone": "ok", "unit": "servers"},
            {"label": "B200 · us-central-2", "used": 15, "limit": 16, "percent": 94, "tone": "warn", "unit": "servers"},
            {"label": "H100 · eu-north-1", "used": 4, "limit": 4, "percent": 100, "tone": "bad", "unit": "servers"},
        ],
        "page": Paginator(range(120), 50).page(2),
        "total": Money(Decimal("116338.43"), "USD"),
        "at": AT,
        "notices": [
            ("", "Times on this page are in UTC."),
            ("ok", "The reservation is confirmed."),
            ("warn", "The reservation ends in 2 hours."),
            ("bad", "One server could not be handed over."),
        ],
    }
