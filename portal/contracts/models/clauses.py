"""What is agreed besides servers and money, as fields that a program can act upon."""

from decimal import Decimal

from django.db import models
from django.db.models import Q


class Renewal(models.TextChoices):
    """What happens at the end of the term."""

    NONE = "none", "Ends with its term"
    OPTION = "option", "The customer may renew it"
    AUTOMATIC = "automatic", "Renewed unless somebody gives notice"


class Clauses(models.Model):
    """Renewal, notice and an early end; and what financial entities must agree upon by Regulation (EU) 2022/2554.

    The fields of the latter follow its articles 28 and 30 (https://eur-lex.europa.eu/eli/reg/2022/2554/oj); the
    figures of the service levels are those of the lines' SLA tiers.
    """

    renewal = models.CharField(max_length=12, choices=Renewal.choices, default=Renewal.NONE)
    renewal_months = models.PositiveSmallIntegerField(default=0, help_text="Length of the term after a renewal.")
    notice_days = models.PositiveSmallIntegerField(default=30, help_text="Ahead of a renewal or an early end.")
    early_end_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal(100),
        help_text="Of the price of what is not used, owed when it ends early.",
    )
    data_locations = models.TextField(blank=True, default="", help_text="Countries or regions, one a line.")
    subcontractors = models.TextField(blank=True, default="", help_text="Name and what for, one a line.")
    is_critical_function = models.BooleanField(
        default=False, help_text="Whether it supports a critical or important function of the customer."
    )
    has_audit_right = models.BooleanField(
        default=False, help_text="The customer, its auditors and its authorities may inspect."
    )
    incident_notice_hours = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Within which the customer is told of an incident; empty: not agreed."
    )
    has_incident_assistance = models.BooleanField(default=False, help_text="Help in an incident, at no extra cost.")
    exit_days = models.PositiveSmallIntegerField(
        default=0, help_text="For how long after the end the customer may still fetch its data."
    )

    class Meta:
        abstract = True

    @staticmethod
    def constraints() -> list[models.CheckConstraint]:
        """Return the constraints of these fields, for the row that has them."""
        return [
            models.CheckConstraint(condition=Q(renewal__in=Renewal.values), name="contract_renewal_known"),
            models.CheckConstraint(
                condition=Q(renewal=Renewal.NONE) | Q(renewal_months__gte=1), name="contract_renewal_length"
            ),
            models.CheckConstraint(
                condition=Q(early_end_percent__gte=0, early_end_percent__lte=100), name="contract_early_end_percent"
            ),
        ]


CLAUSES = tuple(field.name for field in Clauses._meta.local_fields)
"""Names of the fields."""
