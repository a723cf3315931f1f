"""The three checks, as the API writes them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.api.fields import MoneyOut, SpanOut
from portal.api.serializers.choices import choices_of
from portal.quotas.models import QuotaScope
from portal.reservations.checks import Checks
from portal.reservations.quota_check import Measure, QuotaCheck

QUOTA_SCOPES = choices_of(QuotaScope)
MEASURES = choices_of(Measure)
COUNT = {"oneOf": [{"type": "integer"}, {"type": "string"}]}


class CapacityCheckOut(serializers.Serializer[Any]):
    """Whether enough servers are free for the whole period, or held."""

    passes = serializers.BooleanField()
    held = serializers.BooleanField(help_text="True: the servers are kept until `expires_at`.")
    available = serializers.IntegerField(help_text="The largest count that fits.")
    next_fit = SpanOut(allow_null=True, help_text="The next period of this length that fits; null where this one does.")


class LimitOut(serializers.Serializer[QuotaCheck]):
    """One limit against what is asked for; the members are those of a `quota_exceeded` refusal."""

    passes = serializers.BooleanField()
    scope = serializers.ChoiceField(choices=QUOTA_SCOPES)
    measure = serializers.ChoiceField(choices=MEASURES)
    month = serializers.CharField(allow_blank=True, help_text="Such as `2030-01`, for GPU-hours; else empty.")
    limit = serializers.IntegerField()
    used = serializers.SerializerMethodField(help_text="Servers, or GPU-hours as a decimal string.")
    requested = serializers.SerializerMethodField(help_text="Servers, or GPU-hours as a decimal string.")

    @extend_schema_field(COUNT)
    def get_used(self, check: QuotaCheck) -> Any:
        """Return what is used without this."""
        return check.as_json()["used"]

    @extend_schema_field(COUNT)
    def get_requested(self, check: QuotaCheck) -> Any:
        """Return what this adds."""
        return check.as_json()["requested"]


class QuotaCheckOut(serializers.Serializer[Checks]):
    """Whether every limit of the organization and of the project allows it."""

    passes = serializers.BooleanField(source="within_quota")
    limits = LimitOut(source="quota", many=True)


class ApprovalCheckOut(serializers.Serializer[Any]):
    """Whether the caller may commit to the total alone."""

    passes = serializers.BooleanField()
    limit = MoneyOut(allow_null=True, help_text="Null: no limit for the caller.")
    total = MoneyOut()


class ChecksOut(serializers.Serializer[Checks]):
    """What accepting would meet now."""

    capacity = CapacityCheckOut()
    quota = QuotaCheckOut(source="*")
    approval = ApprovalCheckOut()
