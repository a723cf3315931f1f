"""Books get public ids, numbers and states, prices get terms and floors: what is there becomes published, on demand."""

import django.db.models.deletion
from django.db import migrations, models

import portal.core.clock
from portal.core.ids import new_id

FILL = """
UPDATE catalog_pricebook b SET version = n.number FROM (
    SELECT id, row_number() OVER (PARTITION BY currency ORDER BY lower(valid), id) AS number FROM catalog_pricebook
) n WHERE n.id = b.id;
UPDATE catalog_price SET floor_per_gpu_hour = per_gpu_hour;
"""


def give_ids(apps, schema_editor):
    """Give each book the public id that it would have been born with."""
    books = apps.get_model("catalog", "PriceBook")
    for book in books.objects.order_by("pk"):
        books.objects.filter(pk=book.pk).update(public_id=new_id("prb"))


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_sla_tiers")]

    operations = [
        migrations.AddField("pricebook", "public_id", models.CharField(editable=False, max_length=40, null=True)),
        migrations.AddField(
            "pricebook", "created_at", models.DateTimeField(default=portal.core.clock.now, editable=False)
        ),
        migrations.AddField("pricebook", "version", models.PositiveIntegerField(null=True)),
        migrations.AddField(
            "pricebook",
            "copied_from",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="copies",
                to="catalog.pricebook",
            ),
        ),
        migrations.AddField(
            "pricebook",
            "state",
            models.CharField(db_index=True, default="published", editable=False, max_length=24),
            preserve_default=False,
        ),
        migrations.AddField("pricebook", "state_reason", models.TextField(blank=True, default="", editable=False)),
        migrations.AddField(
            "pricebook", "state_changed_at", models.DateTimeField(default=portal.core.clock.now, editable=False)
        ),
        migrations.AddField(
            "pricebook", "state_deadline_at", models.DateTimeField(blank=True, editable=False, null=True)
        ),
        migrations.AddField(
            "price", "months", models.PositiveIntegerField(default=0, help_text="The term; 0 is on demand.")
        ),
        migrations.AddField(
            "price",
            "commitment",
            models.CharField(
                choices=[("pay_as_you_go", "pay as you go"), ("reserved", "reserved, with minimum spend")],
                default="pay_as_you_go",
                max_length=16,
            ),
        ),
        migrations.AddField(
            "price", "floor_per_gpu_hour", models.DecimalField(decimal_places=6, max_digits=12, null=True)
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunPython(give_ids, migrations.RunPython.noop),
    ]
