from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("reservations", "0011_sla_tier"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="reservation",
            options={
                "ordering": ["-pk"],
                "permissions": [
                    (
                        "decide_forced_release",
                        "Can decide on releases of what a customer uses",
                    )
                ],
            },
        ),
    ]
