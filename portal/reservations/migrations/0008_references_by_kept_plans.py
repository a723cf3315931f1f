"""The checks of what allocations refer to keep their plans: working them out anew was a tenth of a booking of one server."""

from django.db import migrations

from portal.reservations.migrations._again import written_again


class Migration(migrations.Migration):
    dependencies = [("reservations", "0007_references_by_statement")]

    operations = [written_again("calendar.sql"), written_again("triggers.sql")]
