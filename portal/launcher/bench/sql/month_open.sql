-- As if no month had ever been closed.
SET session_replication_role = replica;
TRUNCATE billing_account, billing_creditgrant, billing_creditnote, billing_entry, billing_invoice, billing_invoiceline,
    billing_leg, billing_monthclose, billing_numberseries, billing_payment, billing_usagerecord;
SET session_replication_role = origin;
