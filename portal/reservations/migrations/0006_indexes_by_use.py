import django.contrib.postgres.indexes
import django.db.models.deletion
import portal.reservations.states
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("catalog", "0003_cancellation_terms"),
        ("fleet", "0004_measured_times"),
        ("reservations", "0005_calendar"),
        ("tenancy", "0003_approval_limit"),
    ]

    operations = [
        migrations.AlterField(
            model_name="reservation",
            name="image",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="A hold has none yet.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="catalog.osimage",
            ),
        ),
        migrations.AlterField(
            model_name="reservation",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reservations",
                to="tenancy.project",
            ),
        ),
        migrations.AlterField(
            model_name="reservation",
            name="region",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="fleet.region",
            ),
        ),
        migrations.AlterField(
            model_name="reservation",
            name="server_type",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="fleet.servertype",
            ),
        ),
        migrations.AddIndex(
            model_name="reservation",
            index=django.contrib.postgres.indexes.GistIndex(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            portal.reservations.states.ReservationState["ACTIVE"],
                            portal.reservations.states.ReservationState["ENDING"],
                            portal.reservations.states.ReservationState["HELD"],
                            portal.reservations.states.ReservationState["PROVISIONING"],
                            portal.reservations.states.ReservationState["SCHEDULED"],
                        ],
                    ),
                    ("handed_over_at__isnull", False),
                    _connector="OR",
                ),
                fields=["organization", "period"],
                name="reservation_counted",
            ),
        ),
    ]
