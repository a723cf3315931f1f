"""The page before an act, and what comes of it: each object in a transaction of its own, a refusal never a fault."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.enums import ActionVariant

from portal.audit.staff.acts import Act, On, Secret, acts_on, warnings_for
from portal.audit.staff.columns import linked, page_of, state_label
from portal.audit.staff.forms import ActForm
from portal.core.actors import Actor
from portal.core.errors import DomainError, StateConflict
from portal.core.refusals import show_refusal
from portal.core.repeating import is_victim, repeated
from portal.core.request_id import request_id_of

RETRY_S = 5
AT_ONCE = 200
"""Most objects that one act takes on."""
KEY_DIGITS = 18
log = logging.getLogger(__name__)


class _Busy(DomainError):
    """The database gave the act up in favour of others, each time that it was begun."""

    status = 503


class Doer(Protocol):
    """A person who is logged in."""

    def as_actor(self, request_id: str = "") -> Actor:
        """Return the person as the doer of something."""


@dataclass(frozen=True)
class Chosen:
    """The objects of an act, and in which state the person saw each (empty where objects have no states)."""

    rows: Sequence[models.Model]
    seen: dict[int, str]
    is_single: bool


def pk_of(text: str) -> int | None:
    """Return the key that a form sent; None for what cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= KEY_DIGITS else None


def actor_of(request: HttpRequest) -> Actor:
    """Return the person who is logged in as the doer."""
    return cast(Doer, request.user).as_actor(request_id_of(request))


class ActPages:
    """The part of a model's pages that acts."""

    model: type[models.Model]
    admin_site: AdminSite
    get_object: Callable[..., models.Model | None]
    get_queryset: Callable[[HttpRequest], models.QuerySet[Any]]
    has_view_permission: Callable[..., bool]
    list_display: Any

    def name_of(self, row: models.Model) -> str:
        """Return what the list calls an object, in its first column."""
        return str(self.list_display[0](row)) if isinstance(row, self.model) else str(row)

    def buttons(self, request: HttpRequest, row: models.Model | None) -> list[dict[str, Any]]:
        """Return the buttons above an object, or (None) above the list: what the person may do and what fits."""
        offered = [act for act in acts_on(self.model) if (act.on is On.LIST) == (row is None)]
        fitting = [act for act in offered if self.is_offered(request, act, row)]
        return [
            {
                "title": act.title,
                "icon": act.icon,
                "variant": ActionVariant.DANGER if act.is_grave else ActionVariant.DEFAULT,
                "path": self._address(act, row),
                "attrs": {},
            }
            for act in fitting
        ]

    def is_offered(self, request: HttpRequest, act: Act, row: models.Model | None) -> bool:
        """Tell whether the button of an act is shown: the person may do it, and it fits the object."""
        return request.user.has_perm(act.permission) and (row is None or act.fits(row))

    def _address(self, act: Act, row: models.Model | None) -> str:
        prefix = f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_act"
        return reverse(prefix, args=[row.pk, act.name]) if row else reverse(f"{prefix}_list", args=[act.name])

    def bulk_of(self, act: Act) -> Callable[..., HttpResponse | None]:
        """Return what the list does when the act is chosen there: it shows the page before the act."""

        def ask(_page: Any, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
            rows = list(queryset.order_by("pk")[: AT_ONCE + 1])
            if len(rows) > AT_ONCE:
                messages.error(request, f"Choose at most {AT_ONCE} at once; nothing was done.")
                return None
            return self._ask(request, act, Chosen(rows, {}, is_single=False), act.form())

        return ask

    def act_view(self, request: HttpRequest, name: str, object_id: str | None = None) -> HttpResponse:
        """Show the page before an act, and on its confirmation act."""
        act = next((act for act in acts_on(self.model) if act.name == name), None)
        if act is None:
            raise Http404
        if not request.user.has_perm(act.permission) or not self.has_view_permission(request):
            raise PermissionDenied
        chosen = self._chosen(request, act, object_id)
        row = chosen.rows[0] if chosen.is_single and chosen.rows else None
        if request.method != "POST":
            if act.on is not On.LIST and object_id is None:
                return redirect(self._list_address())
            return self._ask(request, act, chosen, act.form(row=row, initial=act.initial(row)))
        form = act.form(request.POST, request.FILES, row=row)
        if not form.is_valid():
            return self._ask(request, act, chosen, form, status=422)
        if chosen.is_single:
            return self._do_one(request, act, chosen, form)
        return self._do_each(request, act, chosen, form)

    def _chosen(self, request: HttpRequest, act: Act, object_id: str | None) -> Chosen:
        """Return the objects that the request names. Raises Http404 where the act is not for such a choice."""
        pairs = [text.partition(":") for text in request.POST.getlist("chosen")[:AT_ONCE]]
        seen = {pk: state for text, _, state in pairs if (pk := pk_of(text)) is not None}
        if object_id is not None:
            row = self.get_object(request, object_id)
            if row is None or act.on is On.LIST:
                raise Http404
            return Chosen([row], seen, is_single=True)
        if act.on is On.LIST:
            return Chosen([], {}, is_single=True)
        if act.on is not On.ROWS:
            raise Http404
        return Chosen(list(self.get_queryset(request).filter(pk__in=seen).order_by("pk")), seen, is_single=False)

    def _do_one(self, request: HttpRequest, act: Act, chosen: Chosen, form: ActForm) -> HttpResponse:
        row = chosen.rows[0] if chosen.rows else None
        try:
            result = _perform(request, act, row, form, chosen.seen)
        except DomainError as error:
            show_refusal(form, error)
            if row is not None:
                row.refresh_from_db()
            reply = self._ask(request, act, chosen, form, status=error.status)
            if isinstance(error, _Busy):
                reply.headers["Retry-After"] = str(RETRY_S)
            return reply
        if isinstance(result, Secret):
            return self._show_once(request, act, row, result)
        subject = row or result
        said = act.done if isinstance(act.done, str) else act.done(result)
        messages.success(request, said.format(row=self.name_of(subject) if subject else ""))
        goal = result or row
        return redirect(page_of(goal) if goal else self._list_address())

    def _do_each(self, request: HttpRequest, act: Act, chosen: Chosen, form: ActForm) -> HttpResponse:
        done = 0
        for row in chosen.rows:
            try:
                _perform(request, act, row, form, chosen.seen)
                done += 1
            except DomainError as error:
                messages.error(request, f"{self.name_of(row)}: {error.detail}")
        if done:
            messages.success(request, f"{act.title}: done for {done} of {len(chosen.rows)}.")
        elif not chosen.rows:
            messages.error(request, "Nothing was chosen; nothing was done.")
        return redirect(self._list_address())

    def _list_address(self) -> str:
        return reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_changelist")

    def _ask(
        self, request: HttpRequest, act: Act, chosen: Chosen, form: ActForm, *, status: int = 200
    ) -> TemplateResponse:
        row = chosen.rows[0] if chosen.is_single and chosen.rows else None
        context = {
            "act": act,
            "form": form,
            "chosen": [self._line(item) for item in chosen.rows],
            "name": self.name_of(row) if row else "",
            "address": self._address(act, row),
            "back": page_of(row) if row else self._list_address(),
            "go": form.go or (act.title if len(chosen.rows) < 2 else f"{act.title}: {len(chosen.rows)}"),
        }
        return self._page(request, "admin/act.html", act, row, context, status)

    def _show_once(self, request: HttpRequest, act: Act, row: models.Model | None, secret: Secret) -> TemplateResponse:
        context = {"secret": secret, "back": page_of(row) if row else self._list_address()}
        return self._page(request, "admin/once.html", act, row, context, 200)

    def _page(
        self,
        request: HttpRequest,
        template: str,
        act: Act,
        row: models.Model | None,
        context: dict[str, Any],
        status: int,
    ) -> TemplateResponse:
        frame = {**self.admin_site.each_context(request), "opts": self.model._meta, "original": row, "title": act.title}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, {**frame, **context}, status=status)

    def _line(self, row: models.Model) -> dict[str, Any]:
        state = getattr(row, "state", "")
        return {
            "name": linked(row, self.name_of(row)),
            "state": state_label(state) if state else "",
            "key": f"{row.pk}:{state}",
            "warnings": warnings_for(row),
        }


def _perform(
    request: HttpRequest, act: Act, row: models.Model | None, form: ActForm, seen: dict[int, str]
) -> Secret | models.Model | None:
    """Act on one object, all or nothing.

    Raises what the service raises, StateConflict if the object moved meanwhile, and _Busy if others came between.
    """
    state = str(getattr(row, "state", ""))
    if row is not None and seen.get(row.pk, state) != state:
        raise StateConflict(f"{row} has become {state} since you looked; nothing was done. Look again.")

    @transaction.atomic
    def perform() -> Secret | models.Model | None:
        return act.perform(actor_of(request), row, form.cleaned_data)

    try:
        return repeated(perform)
    except OperationalError as error:
        if not is_victim(error):
            raise
        log.error("an act met a deadlock each time that it was begun", exc_info=error)
        raise _Busy("Others were changing the same, several times in a row. Nothing was done; send it again.") from None


def enumeration(listed: Sequence[str], most: int = 5) -> str:
    """Return the first ``most`` of some names for a sentence, and how many more there are."""
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest
