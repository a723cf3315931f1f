import django.db.models.deletion
import portal.catalog.states
import portal.core.clock
from django.db import migrations, models


def whole_disk_as_it_is(apps, schema_editor):
    """So far every image was the disk itself."""
    apps.get_model("catalog", "OSImage").objects.update(disk_bytes=models.F("size_bytes"), disk_sha256=models.F("sha256"))


class Migration(migrations.Migration):

    dependencies = [
        ("catalog", "0003_cancellation_terms"),
        ("tenancy", "0003_approval_limit"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImageImport",
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
                (
                    "state",
                    models.CharField(db_index=True, editable=False, max_length=24),
                ),
                (
                    "state_reason",
                    models.TextField(blank=True, default="", editable=False),
                ),
                (
                    "state_changed_at",
                    models.DateTimeField(default=portal.core.clock.now, editable=False),
                ),
                (
                    "state_deadline_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                ("name", models.CharField(max_length=80)),
                ("default_user", models.CharField(max_length=32)),
                ("url", models.CharField(max_length=2000)),
                ("sha256", models.CharField(max_length=64)),
                ("requested_by", models.CharField(max_length=200)),
                ("error_code", models.CharField(blank=True, default="", max_length=40)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="osimage",
            name="os_image_size",
        ),
        migrations.AddField(
            model_name="osimage",
            name="disk_bytes",
            field=models.BigIntegerField(
                default=0, help_text="Of what is on the disk in the end."
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="osimage",
            name="disk_sha256",
            field=models.CharField(
                default="", help_text="Of what is on the disk in the end.", max_length=64
            ),
            preserve_default=False,
        ),
        migrations.RunPython(whole_disk_as_it_is, migrations.RunPython.noop, elidable=True),
        migrations.AddField(
            model_name="osimage",
            name="encoding",
            field=models.CharField(
                choices=[("none", "None"), ("zstd", "Zstd")],
                default="none",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="osimage",
            name="project",
            field=models.ForeignKey(
                blank=True,
                help_text="Whose own it is; none for those that everybody may choose.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="images",
                to="tenancy.project",
            ),
        ),
        migrations.AlterField(
            model_name="osimage",
            name="sha256",
            field=models.CharField(help_text="Of the file.", max_length=64),
        ),
        migrations.AlterField(
            model_name="osimage",
            name="size_bytes",
            field=models.BigIntegerField(help_text="Of the file."),
        ),
        migrations.AddConstraint(
            model_name="osimage",
            constraint=models.CheckConstraint(
                condition=models.Q(("disk_sha256__regex", "^[0-9a-f]{64}$")),
                name="os_image_disk_digest",
            ),
        ),
        migrations.AddConstraint(
            model_name="osimage",
            constraint=models.CheckConstraint(
                condition=models.Q(("disk_bytes__gt", 0), ("size_bytes__gt", 0)),
                name="os_image_size",
            ),
        ),
        migrations.AddConstraint(
            model_name="osimage",
            constraint=models.CheckConstraint(
                condition=models.Q(("encoding__in", ["none", "zstd"])),
                name="os_image_encoding",
            ),
        ),
        migrations.AddConstraint(
            model_name="osimage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("encoding", "none"), _negated=True),
                    models.Q(
                        ("disk_bytes", models.F("size_bytes")),
                        ("disk_sha256", models.F("sha256")),
                    ),
                    _connector="OR",
                ),
                name="os_image_plain_is_the_disk",
            ),
        ),
        migrations.AddField(
            model_name="imageimport",
            name="image",
            field=models.OneToOneField(
                blank=True,
                help_text="Once ready.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="imported_by",
                to="catalog.osimage",
            ),
        ),
        migrations.AddField(
            model_name="imageimport",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="image_imports",
                to="tenancy.project",
            ),
        ),
        migrations.AddConstraint(
            model_name="imageimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            portal.catalog.states.ImportState["FAILED"],
                            portal.catalog.states.ImportState["FETCHING"],
                            portal.catalog.states.ImportState["IMPORTED"],
                            portal.catalog.states.ImportState["QUEUED"],
                        ],
                    )
                ),
                name="image_import_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="imageimport",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")),
                name="image_import_digest",
            ),
        ),
        migrations.AddConstraint(
            model_name="imageimport",
            constraint=models.CheckConstraint(
                condition=models.Q(("url__startswith", "https://")),
                name="image_import_https",
            ),
        ),
        migrations.AddConstraint(
            model_name="imageimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("image__isnull", True),
                    ("state", portal.catalog.states.ImportState["IMPORTED"]),
                    _connector="OR",
                ),
                name="image_import_image_once_imported",
            ),
        ),
    ]
