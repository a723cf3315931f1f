"""The constraint on project and key has an index that begins with the project."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("api", "0001_kept_replies"),
        ("tenancy", "0003_approval_limit"),
    ]

    operations = [
        migrations.AlterField(
            model_name="keptreply",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenancy.project"
            ),
        ),
    ]
