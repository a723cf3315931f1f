import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("billing", "0002_kept_by_the_database"),
        ("contracts", "0002_frozen"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="creditgrant",
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("ask_credit", "Can ask for credit for a customer"),
                    ("decide_credit", "Can decide on credit for a customer"),
                ],
            },
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="contract",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="invoice_lines",
                to="contracts.contract",
            ),
        ),
    ]
