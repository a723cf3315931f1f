"""Several may wait at once about one subject, where each is another matter; which one never changes."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent / "sql"
BACKWARD = """
DROP TRIGGER approval_kept ON approvals_approval;
DROP TRIGGER approval_asked_once ON approvals_approval;
DROP FUNCTION approval_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0002_asked_once")]
    operations = [
        migrations.AddField(
            model_name="approval",
            name="matter",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="What of the subject, where several may wait at once; empty: one at a time.",
                max_length=80,
            ),
        ),
        migrations.RemoveConstraint(model_name="approval", name="approval_pending_once"),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "pending")),
                fields=("kind", "subject", "matter"),
                name="approval_pending_once",
            ),
        ),
        migrations.RunSQL((SQL / "matter.sql").read_text(), BACKWARD + (SQL / "asked.sql").read_text()),
    ]
