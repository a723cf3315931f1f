import django.db.models.deletion
import portal.core.clock
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER billing_reminder_append_only BEFORE UPDATE OR DELETE ON billing_reminder
FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER billing_reminder_no_truncate BEFORE TRUNCATE ON billing_reminder
FOR EACH STATEMENT EXECUTE FUNCTION billing_refuse_change();
"""
BACKWARD = """
DROP TRIGGER billing_reminder_append_only ON billing_reminder;
DROP TRIGGER billing_reminder_no_truncate ON billing_reminder;
"""


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0003_contracts_and_credit"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reminder",
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
                    "stage",
                    models.CharField(
                        choices=[
                            ("friendly", "friendly"),
                            ("firm", "firm"),
                            ("last", "last"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "sent_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                ("sent_to", models.JSONField(help_text="E-mail addresses.")),
                (
                    "open_amount",
                    models.DecimalField(
                        decimal_places=2, help_text="What was open then.", max_digits=16
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reminders",
                        to="billing.invoice",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("invoice", "stage"), name="reminder_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("stage__in", ["friendly", "firm", "last"])),
                        name="reminder_stage_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("open_amount__gt", 0)),
                        name="reminder_of_something",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
