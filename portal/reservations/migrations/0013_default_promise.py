"""What is reserved without a contract has the default service level."""

from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).parent / "sql" / "promise.sql").read_text()
BACKWARD = """
DROP TRIGGER reservation_has_promise ON reservations_reservation;
DROP FUNCTION reservation_default_tier();
"""


class Migration(migrations.Migration):
    dependencies = [("reservations", "0012_forced_release")]
    operations = [migrations.RunSQL(SQL, BACKWARD)]
