"""What allocations refer to is looked for by statement, and no more by row: the folder ``sql`` as it is, then the keys go."""

import django.db.models.deletion
import portal.reservations.states
from django.db import migrations, models

from portal.reservations.migrations._again import written_again


class Migration(migrations.Migration):

    dependencies = [
        ("fleet", "0004_measured_times"),
        ("reservations", "0006_indexes_by_use"),
    ]

    operations = [
        *[written_again(f"{name}.sql") for name in ("calendar", "placement", "timeline", "ends", "triggers", "upkeep")],
        migrations.RemoveConstraint(
            model_name="allocation",
            name="allocation_hostname_once",
        ),
        migrations.AlterField(
            model_name="allocation",
            name="reservation",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="reservations.reservation",
            ),
        ),
        migrations.AlterField(
            model_name="allocation",
            name="server",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="fleet.server",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.UniqueConstraint(
                models.F("reservation"),
                models.F("hostname"),
                models.Case(
                    models.When(
                        state__in=[
                            portal.reservations.states.AllocationState["BOOKED"],
                            portal.reservations.states.AllocationState["CLEANING"],
                            portal.reservations.states.AllocationState["SERVING"],
                        ],
                        then=True,
                    ),
                    output_field=models.BooleanField(),
                ),
                name="allocation_hostname_once",
            ),
        ),
    ]
