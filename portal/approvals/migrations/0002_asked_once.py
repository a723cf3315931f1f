"""The database refuses to change what was asked for, or to remove it, whoever asks."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql" / "asked.sql"
BACKWARD = """
DROP TRIGGER approval_kept ON approvals_approval;
DROP TRIGGER approval_asked_once ON approvals_approval;
DROP FUNCTION approval_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]
    operations = [migrations.RunSQL(SQL.read_text(), BACKWARD)]
