"""An erasure says of which drive, when, and how much was read back; a server type says how it must be erased."""

import django.contrib.postgres.fields
from django.db import migrations, models

import portal.core.clock
import portal.fleet.erase_policy

# What was recorded before gave no times: when it was kept stands for both.
FORWARD = "UPDATE fleet_erasure SET size_bytes = bytes_erased, started_at = at, ended_at = at"


class Migration(migrations.Migration):

    dependencies = [
        ("fleet", "0004_measured_times"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="erasure", name="erasure_counts"),
        migrations.AddField(
            model_name="erasure", name="blocks_sampled", field=models.BigIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="erasure",
            name="drive_firmware",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="erasure",
            name="drive_model",
            field=models.CharField(
                blank=True, default="", help_text="As the drive calls itself.", max_length=80
            ),
        ),
        migrations.AddField(
            model_name="erasure",
            name="size_bytes",
            field=models.BigIntegerField(default=0, help_text="As the drive gives it."),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="erasure",
            name="started_at",
            field=models.DateTimeField(
                default=portal.core.clock.now, help_text="By the machine's clock."
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="erasure",
            name="ended_at",
            field=models.DateTimeField(
                default=portal.core.clock.now,
                help_text="By the machine's clock, after the drive was read back.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="erasure",
            name="verify_mode",
            field=models.CharField(
                choices=[("full", "full"), ("sample", "sample")], default="full", max_length=8
            ),
            preserve_default=False,
        ),
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="servertype",
            name="erase_methods",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20),
                default=portal.fleet.erase_policy.all_methods,
                help_text="Ways of erasing that are accepted, best first; a server uses the first that its drives support.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="servertype",
            name="erase_verify",
            field=models.CharField(
                choices=[("full", "full"), ("sample", "sample")],
                default=portal.fleet.erase_policy.VerifyMode["FULL"],
                help_text="How much of an erased drive is read back.",
                max_length=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="erasure",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("blocks_sampled__gte", 0),
                    ("bytes_erased__gte", 0),
                    ("bytes_verified__gte", 0),
                    ("residue_bytes__gte", 0),
                    ("size_bytes__gte", 0),
                ),
                name="erasure_counts",
            ),
        ),
        migrations.AddConstraint(
            model_name="servertype",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "erase_methods__contained_by",
                        [
                            "nvme_sanitize_crypto",
                            "nvme_sanitize_block",
                            "nvme_format_crypto",
                            "nvme_format",
                            "blkdiscard",
                            "overwrite",
                        ],
                    ),
                    ("erase_methods__len__gt", 0),
                ),
                name="server_type_erase_methods_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="servertype",
            constraint=models.CheckConstraint(
                condition=models.Q(("erase_verify__in", ["full", "sample"])),
                name="server_type_erase_verify_known",
            ),
        ),
    ]
