from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="organization",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("currency__in", ["CHF", "EUR", "GBP", "JPY", "SEK", "USD"])
                ),
                name="organization_currency_known",
            ),
        ),
    ]
