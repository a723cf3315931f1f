"""How a refusal looks (RFC 9457)."""

from typing import Any

from rest_framework import serializers

from portal.api.problem_types import ProblemType


class FieldProblemOut(serializers.Serializer[Any]):
    """One wrong thing."""

    pointer = serializers.CharField(
        allow_blank=True, help_text="JSON pointer into the body, or the query field's name after a slash; empty: all."
    )
    code = serializers.CharField(help_text="Stable.")
    detail = serializers.CharField(help_text="What is wrong, and the way out.")


class ProblemOut(serializers.Serializer[Any]):
    """A refusal. Nothing was changed. Some codes carry more members, which their description names."""

    type = serializers.CharField(help_text="Where the code is explained.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong, and the way out.")
    instance = serializers.CharField(help_text="Path of the request.")
    code = serializers.CharField(help_text="Stable.")
    request_id = serializers.CharField(help_text="Name it when you write to us.")
    errors = FieldProblemOut(many=True, required=False)  # type: ignore[assignment]


class ProblemTypeOut(serializers.Serializer[ProblemType]):
    """A code that a problem document may carry."""

    type = serializers.CharField()
    code = serializers.CharField()
    status = serializers.IntegerField()
    title = serializers.CharField()
    meaning = serializers.CharField()
