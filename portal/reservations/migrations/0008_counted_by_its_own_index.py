"""Limits are held against what overlaps a period, by the index that is made for it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reservations", "0007_references_by_statement"),
        ("tenancy", "0003_approval_limit"),
    ]

    operations = [
        migrations.AlterField(
            model_name="reservation",
            name="organization",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reservations",
                to="tenancy.organization",
            ),
        ),
    ]
