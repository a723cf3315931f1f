"""Filters of staff's lists."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib.admin import SimpleListFilter
from django.db import models
from django.http import HttpRequest

from portal.core import clock
from portal.core.models import Stateful
from portal.core.states import Nature

if TYPE_CHECKING:
    DropdownFilter = SimpleListFilter
else:
    from unfold.contrib.filters.admin import DropdownFilter

OPEN = "open"


class StateFilter(DropdownFilter):
    """By state: one of the model's table, or all that are not final."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """List the states of the table, in its order."""
        table = model_admin.model.STATES
        first = [(OPEN, "all that are not final")] if table.named(Nature.FINAL) else []
        return [*first, *table.choices]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Keep the rows in the chosen state."""
        value = self.value()
        if value == OPEN:
            table = _stateful(queryset).STATES
            return queryset.exclude(state__in=table.named(Nature.FINAL))
        return queryset.filter(state=value) if value else queryset


def _stateful(queryset: models.QuerySet[Any]) -> type[Stateful]:
    model: type[Stateful] = queryset.model
    return model


class OverdueFilter(DropdownFilter):
    """By deadline: those that should have left their state by now."""

    title = "deadline"
    parameter_name = "deadline"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """List the two answers."""
        return [("overdue", "overdue"), ("running", "still running")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Keep the rows on the chosen side of their deadline."""
        if self.value() == "overdue":
            return queryset.filter(state_deadline_at__lt=clock.now())
        if self.value() == "running":
            return queryset.filter(state_deadline_at__gte=clock.now())
        return queryset


def choice(name: str, heading: str, choices: Callable[[], Sequence[tuple[str, str]]]) -> type[SimpleListFilter]:
    """Return a filter of a text field whose values are a closed list that the model does not name."""

    class Choice(DropdownFilter):
        title = heading
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return list(choices())

        def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            return queryset.filter(**{name: self.value()}) if self.value() else queryset

    return Choice


def period(name: str, heading: str = "period") -> type[SimpleListFilter]:
    """Return a filter of a range field by where the present lies."""

    class PeriodFilter(DropdownFilter):
        title = heading
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [("now", "runs now"), ("later", "begins later"), ("over", "over")]

        def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            now = clock.now()
            lookups = {
                "now": {f"{name}__contains": now},
                "later": {f"{name}__startswith__gt": now},
                "over": {f"{name}__endswith__lte": now},
            }
            return queryset.filter(**lookups.get(str(self.value()), {}))

    return PeriodFilter


def given(name: str, heading: str, yes: str, no: str) -> type[SimpleListFilter]:
    """Return a filter of a nullable field by whether it has a value."""

    class Given(DropdownFilter):
        title = heading
        parameter_name = f"{name}_given"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [("yes", yes), ("no", no)]

        def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            if self.value() not in ("yes", "no"):
                return queryset
            return queryset.filter(**{f"{name}__isnull": self.value() == "no"})

    return Given


def answers(
    name: str, heading: str, choices: Mapping[str, tuple[str, Callable[[], models.Q]]]
) -> type[SimpleListFilter]:
    """Return a filter of answers to a question: by value its words and the condition that it stands for."""

    class Answers(DropdownFilter):
        title = heading
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(value, words) for value, (words, _) in choices.items()]

        def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            _, condition = choices.get(str(self.value()), ("", models.Q))
            return queryset.filter(condition())

    return Answers
