"""When a reservation was handed over, known so far from its servers only."""

from django.db import migrations, models

FILL = """
UPDATE reservations_reservation r
SET handed_over_at = (SELECT max(a.ready_at) FROM reservations_allocation a WHERE a.reservation_id = r.id)
WHERE r.state IN ('active', 'ending', 'ended')
"""


class Migration(migrations.Migration):

    dependencies = [
        ("reservations", "0002_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="reservation",
            name="handed_over_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
