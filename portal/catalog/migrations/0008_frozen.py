"""What was published is never edited; one-off fees and tiers of support."""

from pathlib import Path

import django.contrib.postgres.constraints
import django.db.models.deletion
import portal.catalog.states
import portal.core.clock
from decimal import Decimal
from django.db import migrations, models


FROZEN = (Path(__file__).parent / "sql" / "frozen.sql").read_text()
THAWED = """
DROP TRIGGER catalog_pricebook_keep ON catalog_pricebook;
DROP TRIGGER catalog_price_keep ON catalog_price;
DROP TRIGGER catalog_cancellationterm_keep ON catalog_cancellationterm;
DROP TRIGGER catalog_fee_keep ON catalog_fee;
DROP TRIGGER catalog_slatier_keep ON catalog_slatier;
DROP TRIGGER catalog_supporttier_keep ON catalog_supporttier;
DROP FUNCTION catalog_keep_book, catalog_keep_contents, catalog_keep_tier;
"""


class Migration(migrations.Migration):

    dependencies = [
        ("catalog", "0007_versions"),
        ("fleet", "0015_allreduce_band"),
    ]

    operations = [
        migrations.CreateModel(
            name="Fee",
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
                ("name", models.CharField(max_length=80)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=14)),
                (
                    "per",
                    models.CharField(
                        choices=[
                            ("once", "once"),
                            ("contract", "per contract"),
                            ("server", "per server"),
                        ],
                        max_length=12,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SupportTier",
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
                ("slug", models.SlugField(max_length=40)),
                ("version", models.PositiveIntegerField(default=1)),
                ("name", models.CharField(max_length=80)),
                ("summary", models.CharField(blank=True, max_length=200)),
                (
                    "hours",
                    models.CharField(
                        choices=[
                            ("business", "Mon to Fri, 08:00 to 18:00 UTC"),
                            ("always", "around the clock"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "urgent_minutes",
                    models.PositiveIntegerField(
                        help_text="Until the first answer where a server is down."
                    ),
                ),
                (
                    "normal_minutes",
                    models.PositiveIntegerField(
                        help_text="Until the first answer to anything else."
                    ),
                ),
                (
                    "percent_of_spend",
                    models.DecimalField(
                        decimal_places=2,
                        default=Decimal("0"),
                        help_text="Of a month's charges; 0 is included.",
                        max_digits=5,
                    ),
                ),
                (
                    "is_default",
                    models.BooleanField(
                        default=False, help_text="Of who has chosen none."
                    ),
                ),
                ("is_offered", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["slug", "-version"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="price",
            name="price_once",
        ),
        migrations.RemoveConstraint(
            model_name="pricebook",
            name="price_book_no_overlap",
        ),
        migrations.AlterField(
            model_name="price",
            name="floor_per_gpu_hour",
            field=models.DecimalField(
                decimal_places=6,
                help_text="Below this nobody sells without approval; customers never see it.",
                max_digits=12,
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="per_gpu_hour",
            field=models.DecimalField(
                decimal_places=6, help_text="List price.", max_digits=12
            ),
        ),
        migrations.AlterField(
            model_name="pricebook",
            name="public_id",
            field=models.CharField(editable=False, max_length=40, unique=True),
        ),
        migrations.AlterField(
            model_name="pricebook",
            name="version",
            field=models.PositiveIntegerField(
                help_text="Counts the books of its currency."
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.UniqueConstraint(
                fields=("book", "server_type", "region", "months", "commitment"),
                name="price_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(("per_gpu_hour__lt", 1000000)),
                name="price_is_a_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("floor_per_gpu_hour__gte", 0),
                    ("floor_per_gpu_hour__lte", models.F("per_gpu_hour")),
                ),
                name="price_floor_not_above_list",
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(("months__lte", 120)), name="price_term"
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("commitment", "pay_as_you_go"),
                    models.Q(
                        ("commitment__in", ["pay_as_you_go", "reserved"]),
                        ("months__gt", 0),
                    ),
                    _connector="OR",
                ),
                name="price_commitment",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricebook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            portal.catalog.states.BookState["DISCARDED"],
                            portal.catalog.states.BookState["DRAFT"],
                            portal.catalog.states.BookState["PUBLISHED"],
                            portal.catalog.states.BookState["WITHDRAWN"],
                        ],
                    )
                ),
                name="price_book_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricebook",
            constraint=models.UniqueConstraint(
                fields=("currency", "version"), name="price_book_version_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="pricebook",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(
                    ("state", portal.catalog.states.BookState["PUBLISHED"])
                ),
                expressions=[("currency", "="), ("valid", "&&")],
                name="price_book_no_overlap",
            ),
        ),
        migrations.AddField(
            model_name="fee",
            name="book",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="fees",
                to="catalog.pricebook",
            ),
        ),
        migrations.AddConstraint(
            model_name="supporttier",
            constraint=models.UniqueConstraint(
                fields=("slug", "version"), name="support_tier_version_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="supporttier",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)),
                fields=("is_default",),
                name="support_tier_one_default",
            ),
        ),
        migrations.AddConstraint(
            model_name="supporttier",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("percent_of_spend__gte", 0), ("percent_of_spend__lte", 100)
                ),
                name="support_tier_percent",
            ),
        ),
        migrations.AddConstraint(
            model_name="supporttier",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("normal_minutes__gte", models.F("urgent_minutes")),
                    ("urgent_minutes__gt", 0),
                ),
                name="support_tier_answers",
            ),
        ),
        migrations.AddConstraint(
            model_name="supporttier",
            constraint=models.CheckConstraint(
                condition=models.Q(("hours__in", ["always", "business"])),
                name="support_tier_hours",
            ),
        ),
        migrations.AddConstraint(
            model_name="fee",
            constraint=models.UniqueConstraint(
                fields=("book", "name"), name="fee_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="fee",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gte", 0), ("amount__lt", 1000000000000)),
                name="fee_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="fee",
            constraint=models.CheckConstraint(
                condition=models.Q(("per__in", ["contract", "once", "server"])),
                name="fee_basis",
            ),
        ),
        migrations.RunSQL(FROZEN, THAWED),
    ]
