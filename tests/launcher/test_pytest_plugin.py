"""The database that the tests themselves run on."""

import os

import psycopg


def test_the_tests_have_a_database_with_the_extension_the_portal_needs() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        is_super = connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone()
        names = {row[0] for row in connection.execute("SELECT name FROM pg_available_extensions")}
    assert is_super == (False,), "the portal must not need a superuser"
    assert "btree_gist" in names
