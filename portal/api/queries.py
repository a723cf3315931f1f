"""The fields of query strings: each endpoint names its own, and what nobody named is refused."""

from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from portal.api.fields import Input, Text

MAX_LIMIT = 200
DEFAULT_LIMIT = 50


class Query(Input[Any]):
    """A query string. A name may stand in it several times only where its field is a list."""

    def to_internal_value(self, data: QueryDict) -> Any:
        """Return the values. Raises ValidationError with every wrong, repeated and unknown field."""
        lists = {name for name, field in self.fields.items() if isinstance(field, serializers.ListField)}
        repeated = [name for name, values in data.lists() if len(values) > 1 and name in set(self.fields) - lists]
        if repeated:
            error = ErrorDetail("Give this field once.", code="repeated")
            raise ValidationError({name: [error] for name in repeated})
        return super().to_internal_value(
            {name: values if name in lists else values[-1] for name, values in data.lists()}
        )


class PageQuery(Query):
    """Which page of a list."""

    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT, help_text="The most items to answer with."
    )
    cursor = Text(default="", help_text="The `next_cursor` of the page before; without it: the first page.")


class WriteQuery(Query):
    """How to write."""

    dry_run = serializers.BooleanField(
        default=False, help_text="With `true`: answer what would come of it, and change nothing."
    )


def read_query(kind: type[Query], request: Request) -> dict[str, Any]:
    """Return the values of a request's query string. Raises ValidationError."""
    query = kind(data=request.query_params)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def refuse_query(request: Request) -> None:
    """Raise ValidationError for any query field, where an endpoint has none."""
    read_query(Query, request)
