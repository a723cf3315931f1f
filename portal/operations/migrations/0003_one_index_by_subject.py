"""The index on subject and id answers for the subject alone too, and two more are not written with every event."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0002_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="operationevent",
            name="subject",
            field=models.CharField(help_text="Public id of the reservation.", max_length=40),
        ),
    ]
