import django.db.models.deletion
import portal.core.clock
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ("tenancy", "0003_approval_limit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Approval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "public_id",
                    models.CharField(editable=False, max_length=40, unique=True),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "state",
                    models.CharField(db_index=True, editable=False, max_length=24),
                ),
                (
                    "state_reason",
                    models.TextField(blank=True, default="", editable=False),
                ),
                (
                    "state_changed_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "state_deadline_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "kind",
                    models.CharField(
                        editable=False,
                        help_text="Name of a registered kind.",
                        max_length=40,
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        editable=False,
                        help_text="Public id of what it is about.",
                        max_length=40,
                    ),
                ),
                (
                    "data",
                    models.JSONField(
                        default=dict,
                        editable=False,
                        help_text="All that carrying it out takes.",
                    ),
                ),
                ("requester_kind", models.CharField(editable=False, max_length=16)),
                ("requester_id", models.CharField(editable=False, max_length=64)),
                ("requester_label", models.CharField(editable=False, max_length=200)),
                ("reason", models.TextField(editable=False, max_length=1000)),
                ("decided_at", models.DateTimeField(editable=False, null=True)),
                (
                    "comment",
                    models.TextField(
                        blank=True, default="", editable=False, max_length=1000
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="tenancy.organization",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(fields=["subject", "-id"], name="approval_by_subject")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "approved",
                                    "expired",
                                    "pending",
                                    "rejected",
                                    "withdrawn",
                                ],
                            )
                        ),
                        name="approval_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("requested_by__isnull", True),
                            ("decided_by__isnull", True),
                            models.Q(
                                ("requested_by", models.F("decided_by")), _negated=True
                            ),
                            _connector="OR",
                        ),
                        name="approval_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "requester_kind",
                                    "user",
                                ),
                                _negated=True,
                            ),
                            ("requested_by__isnull", False),
                            _connector="OR",
                        ),
                        name="approval_asked_by_a_known_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "state__in",
                                    [
                                        "approved",
                                        "rejected",
                                    ],
                                ),
                                _negated=True,
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="approval_decided_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "state",
                                    "rejected",
                                ),
                                _negated=True,
                            ),
                            models.Q(("comment", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="approval_rejected_with_a_comment",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state", "pending")
                        ),
                        fields=("kind", "subject"),
                        name="approval_pending_once",
                    ),
                ],
            },
        ),
    ]
