import django.db.models.deletion
import portal.core.clock
from django.db import migrations, models

OF_THE_ORGANIZATION = """
ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (project_id, organization_id)
REFERENCES tenancy_project (id, organization_id)
"""
TABLES = {"quotas_quota": "quota_project_is_its_own", "quotas_quotarequest": "quota_request_project_is_its_own"}


def own_project(table: str, name: str) -> migrations.RunSQL:
    """Return the rule that a row's project, where it has one, belongs to the row's organization."""
    return migrations.RunSQL(
        OF_THE_ORGANIZATION.format(table=table, name=name), f"ALTER TABLE {table} DROP CONSTRAINT {name}"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0002_drives_have_a_size"),
        ("quotas", "0002_initial"),
        ("tenancy", "0002_known_currency"),
    ]

    operations = [
        migrations.CreateModel(
            name="QuotaRequest",
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
                    "applies_to",
                    models.CharField(
                        choices=[
                            ("organization", "Whole organization"),
                            ("project", "This project only"),
                        ],
                        default="organization",
                        max_length=16,
                    ),
                ),
                ("limit", models.PositiveIntegerField()),
                (
                    "gpu_hours_per_month",
                    models.PositiveIntegerField(blank=True, null=True),
                ),
                ("reason", models.TextField(max_length=1000)),
                ("requested_by", models.CharField(max_length=200)),
                ("requested_by_id", models.CharField(max_length=64)),
                ("granted_limit", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "granted_gpu_hours_per_month",
                    models.PositiveIntegerField(blank=True, null=True),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.AlterModelOptions(
            name="quota",
            options={"ordering": ["organization", "server_type", "region", "pk"]},
        ),
        migrations.RemoveConstraint(
            model_name="quota",
            name="quota_once",
        ),
        migrations.AddField(
            model_name="quota",
            name="gpu_hours_per_month",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="GPU-hours in a calendar month (UTC). Empty: no limit.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="quota",
            name="project",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: the whole organization.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="quotas",
                to="tenancy.project",
            ),
        ),
        migrations.AddConstraint(
            model_name="quota",
            constraint=models.UniqueConstraint(
                fields=("organization", "project", "server_type", "region"),
                name="quota_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddField(
            model_name="quotarequest",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="quota_requests",
                to="tenancy.organization",
            ),
        ),
        migrations.AddField(
            model_name="quotarequest",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="quota_requests",
                to="tenancy.project",
            ),
        ),
        migrations.AddField(
            model_name="quotarequest",
            name="region",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="fleet.region",
            ),
        ),
        migrations.AddField(
            model_name="quotarequest",
            name="server_type",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="fleet.servertype",
            ),
        ),
        migrations.AddIndex(
            model_name="quotarequest",
            index=models.Index(fields=["project", "-id"], name="quota_request_by_project"),
        ),
        migrations.AddConstraint(
            model_name="quotarequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "approved",
                            "declined",
                            "pending",
                            "withdrawn",
                        ],
                    )
                ),
                name="quota_request_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="quotarequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("applies_to__in", ["organization", "project"])),
                name="quota_request_scope_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="quotarequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "pending")),
                fields=("project", "server_type", "region"),
                name="quota_request_pending_once",
            ),
        ),
        # What the foreign keys below refer to; PostgreSQL wants it unique, though the id alone is.
        migrations.RunSQL(
            "CREATE UNIQUE INDEX project_with_organization ON tenancy_project (id, organization_id)",
            "DROP INDEX project_with_organization",
        ),
        *(own_project(table, name) for table, name in TABLES.items()),
    ]
