from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("catalog", "0001_initial"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="pricebook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid__lower_inc", True), ("valid__upper_inc", False)
                ),
                name="price_book_half_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricebook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("currency__in", ["CHF", "EUR", "GBP", "JPY", "SEK", "USD"])
                ),
                name="price_book_currency_known",
            ),
        ),
    ]
