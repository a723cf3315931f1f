"""The log of what was asked for: demand, met or not."""

from django.db import models

from portal.core import clock


class Enquiry(models.Model):
    """One question or wish and what became of it. It refers to nothing, so that writing it waits for nothing."""

    class Kind(models.TextChoices):
        """What was asked."""

        SEARCH = "search"
        STARTS = "starts"
        QUOTE = "quote"
        HOLD = "hold"
        RESERVE = "reserve"
        EXTEND = "extend"
        ADD = "add"
        WAITLIST = "waitlist"

    class Outcome(models.TextChoices):
        """What became of it."""

        FITS = "fits"
        NO_FIT = "no_fit"
        MADE = "made"
        REFUSED = "refused"
        ABANDONED = "abandoned"

    at = models.DateTimeField(default=clock.now, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    reason = models.CharField(max_length=40, blank=True, default="", help_text="Code of the refusal.")
    channel = models.CharField(max_length=8, blank=True, default="", help_text="api, web, staff or system.")
    organization = models.CharField(max_length=40, help_text="Public id.")
    project = models.CharField(max_length=40, help_text="Public id.")
    server_type = models.CharField(max_length=40)
    region = models.CharField(max_length=40)
    count = models.PositiveIntegerField()
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    placement = models.CharField(max_length=16)
    free = models.PositiveIntegerField(null=True, blank=True, help_text="Largest count that fitted.")
    price = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    subject = models.CharField(max_length=40, blank=True, default="", help_text="Public id of what came of it.")

    class Meta:
        verbose_name_plural = "enquiries"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["server_type", "region", "-at"], name="enquiry_by_pool")]

    def __str__(self) -> str:
        """Return kind, demand and outcome."""
        return f"{self.kind} {self.count} x {self.server_type} in {self.region}: {self.outcome}"
