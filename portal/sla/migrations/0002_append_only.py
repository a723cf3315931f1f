"""The database refuses to rewrite evidence, what was measured, and what is credited."""

from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).parent / "sql" / "evidence.sql").read_text()
BACKWARD = """
DROP FUNCTION sla_refuse_change() CASCADE;
DROP FUNCTION sla_only_grow() CASCADE;
DROP FUNCTION sla_only_state() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("sla", "0001_initial")]
    operations = [migrations.RunSQL(SQL, BACKWARD)]
