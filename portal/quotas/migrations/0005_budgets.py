import django.contrib.postgres.fields
import django.db.models.deletion
import portal.core.clock
from django.db import migrations, models


WARNINGS = """
ALTER TABLE quotas_budget ADD CONSTRAINT budget_warnings
CHECK (cardinality(warn_at) <= 5 AND 1 <= ALL (warn_at) AND 200 >= ALL (warn_at))
"""
PROJECT = """
ALTER TABLE quotas_budget ADD CONSTRAINT budget_project_is_its_own FOREIGN KEY (project_id, organization_id)
REFERENCES tenancy_project (id, organization_id)
"""


class Migration(migrations.Migration):

    dependencies = [
        ("quotas", "0004_decided_by_two"),
        ("tenancy", "0003_approval_limit"),
    ]

    operations = [
        migrations.CreateModel(
            name="Budget",
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
                    "amount",
                    models.DecimalField(
                        decimal_places=2,
                        help_text="For one calendar month (UTC).",
                        max_digits=16,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "warn_at",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        help_text="Percents of the amount, in order.",
                        size=None,
                    ),
                ),
                ("stops", models.BooleanField(default=False)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budgets",
                        to="tenancy.organization",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the whole organization.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budgets",
                        to="tenancy.project",
                    ),
                ),
            ],
            options={
                "ordering": ["organization", "pk"],
            },
        ),
        migrations.CreateModel(
            name="BudgetWarning",
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
                ("month", models.DateField(help_text="Its first day.")),
                ("percent", models.PositiveSmallIntegerField()),
                (
                    "amount",
                    models.DecimalField(
                        decimal_places=2,
                        help_text="What the budget was then.",
                        max_digits=16,
                    ),
                ),
                (
                    "sent_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "budget",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="warnings",
                        to="quotas.budget",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.UniqueConstraint(
                fields=("organization", "project"),
                name="budget_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="budget_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("currency__in", ["CHF", "EUR", "GBP", "JPY", "SEK", "USD"])
                ),
                name="budget_currency_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="budgetwarning",
            constraint=models.UniqueConstraint(
                fields=("budget", "month", "percent", "amount"),
                name="budget_warning_once",
            ),
        ),
        migrations.RunSQL(WARNINGS, "ALTER TABLE quotas_budget DROP CONSTRAINT budget_warnings"),
        migrations.RunSQL(PROJECT, "ALTER TABLE quotas_budget DROP CONSTRAINT budget_project_is_its_own"),
    ]
