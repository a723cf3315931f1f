"""Events that webhooks may have to be told of are noted beside them, by a trigger."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


SQL = Path(__file__).parent / "sql" / "news.sql"
BACKWARD = """
DROP TRIGGER reservations_news ON operations_operationevent;
DROP FUNCTION reservations_note_news();
"""


class Migration(migrations.Migration):

    dependencies = [
        ("operations", "0012_worker_queues"),
        ("reservations", "0013_default_promise"),
        ("webhooks", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="News",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="operations.operationevent",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "news",
            },
        ),
        migrations.RunSQL(SQL.read_text(), BACKWARD),
    ]
