"""What the database refuses: edits of what was agreed, lines outside of the term, changes of what was signed."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"
BACKWARD = """
DROP TRIGGER contract_frozen ON contracts_contract;
DROP TRIGGER contract_line_frozen ON contracts_contractline;
DROP TRIGGER contract_document_kept ON contracts_document;
DROP TRIGGER contract_signature_kept ON contracts_signature;
DROP TRIGGER contract_commitment_kept ON contracts_commitment;
DROP FUNCTION contracts_refuse_edit, contracts_check_line, contracts_refuse_change;
"""


class Migration(migrations.Migration):
    dependencies = [("contracts", "0001_initial")]
    operations = [migrations.RunSQL((SQL / "frozen.sql").read_text(), BACKWARD)]
