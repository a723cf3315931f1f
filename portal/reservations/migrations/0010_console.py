import django.db.models.deletion
import portal.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("reservations", "0009_rescue"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConsoleCursor",
            fields=[
                (
                    "allocation",
                    models.OneToOneField(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="console_cursor",
                        serialize=False,
                        to="reservations.allocation",
                    ),
                ),
                (
                    "position",
                    models.PositiveBigIntegerField(
                        editable=False,
                        help_text="Lines of the buffer that are done with; empty before the first read.",
                        null=True,
                    ),
                ),
                (
                    "older",
                    models.PositiveBigIntegerField(
                        default=0,
                        editable=False,
                        help_text="At most so many lines of the buffer are from before the hand-over.",
                    ),
                ),
                (
                    "read_at",
                    models.DateTimeField(
                        editable=False,
                        help_text="When somebody last began to read.",
                        null=True,
                    ),
                ),
                (
                    "wanted_until",
                    models.DateTimeField(
                        editable=False,
                        help_text="Until when somebody looks on.",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ConsoleChunk",
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
                    "public_id",
                    models.CharField(editable=False, max_length=40, unique=True),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                ("text", models.TextField(editable=False)),
                (
                    "size",
                    models.PositiveIntegerField(
                        editable=False, help_text="Characters of the text."
                    ),
                ),
                (
                    "allocation",
                    models.ForeignKey(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="console_chunks",
                        to="reservations.allocation",
                    ),
                ),
            ],
            options={
                "verbose_name": "console output",
                "verbose_name_plural": "console output",
                "ordering": ["pk"],
                "indexes": [
                    models.Index(
                        fields=["allocation", "id"], name="console_chunk_in_order"
                    )
                ],
            },
        ),
    ]
