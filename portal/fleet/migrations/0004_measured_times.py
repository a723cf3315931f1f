from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("fleet", "0003_spare_servers"),
    ]

    operations = [
        migrations.AddField(
            model_name="servertype",
            name="times_are_measured",
            field=models.BooleanField(
                default=False,
                help_text="Whether the time to clean up follows what past erasures took.",
            ),
        ),
    ]
