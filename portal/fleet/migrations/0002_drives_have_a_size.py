import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("fleet", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="region",
            name="code",
            field=models.CharField(
                max_length=40,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\Z",
                        "Use lower-case letters, digits and hyphens.",
                    )
                ],
            ),
        ),
        migrations.AlterField(
            model_name="server",
            name="name",
            field=models.CharField(
                max_length=63,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\Z",
                        "Use lower-case letters, digits and hyphens.",
                    )
                ],
            ),
        ),
        migrations.AlterField(
            model_name="servertype",
            name="slug",
            field=models.CharField(
                max_length=40,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\Z",
                        "Use lower-case letters, digits and hyphens.",
                    )
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="drive",
            constraint=models.CheckConstraint(
                condition=models.Q(("size_bytes__gt", 0)), name="drive_has_size"
            ),
        ),
    ]
