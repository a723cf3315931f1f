"""The folder ``sql`` as it is now, over what earlier migrations made of it."""

import re
from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
AGAIN = {
    r"^CREATE (FUNCTION|VIEW|TRIGGER) ": r"CREATE OR REPLACE \1 ",
    r"^CREATE INDEX ": "CREATE INDEX IF NOT EXISTS ",
}


def written_again(name: str) -> migrations.RunSQL:
    """Return the operation that runs a file of the folder once more."""
    text = (SQL / name).read_text()
    for old, new in AGAIN.items():
        text = re.sub(old, new, text, flags=re.MULTILINE)
    return migrations.RunSQL(text, migrations.RunSQL.noop)
