"""The index of trigrams over `search_text`, in the way of each database.

TRICKY: on SQLite, Django changes a table by copying it, which drops its triggers. A later migration that alters
Customer must end with `RunPython(make_index)` again; the tests of searching fail until it does.
"""

from django.db import migrations

SQLITE = [
    # Numbers of our own, because VACUUM may change the hidden ones of a table whose key is a UUID.
    "CREATE TABLE IF NOT EXISTS customers_search_key (number integer PRIMARY KEY, customer_id char(32) UNIQUE NOT NULL)",
    "CREATE VIRTUAL TABLE IF NOT EXISTS customers_search"
    " USING fts5(search_text, content='', tokenize='trigram case_sensitive 1')",
    "DROP TRIGGER IF EXISTS customers_search_insert",
    "DROP TRIGGER IF EXISTS customers_search_update",
    "DROP TRIGGER IF EXISTS customers_search_delete",
    """CREATE TRIGGER customers_search_insert AFTER INSERT ON customers_customer BEGIN
        INSERT INTO customers_search_key (customer_id) VALUES (new.id);
        INSERT INTO customers_search (rowid, search_text)
            SELECT number, new.search_text FROM customers_search_key WHERE customer_id = new.id;
    END""",
    """CREATE TRIGGER customers_search_update AFTER UPDATE OF search_text ON customers_customer
    WHEN old.search_text IS NOT new.search_text BEGIN
        INSERT INTO customers_search (customers_search, rowid, search_text)
            SELECT 'delete', number, old.search_text FROM customers_search_key WHERE customer_id = old.id;
        INSERT INTO customers_search (rowid, search_text)
            SELECT number, new.search_text FROM customers_search_key WHERE customer_id = new.id;
    END""",
    """CREATE TRIGGER customers_search_delete AFTER DELETE ON customers_customer BEGIN
        INSERT INTO customers_search (customers_search, rowid, search_text)
            SELECT 'delete', number, old.search_text FROM customers_search_key WHERE customer_id = old.id;
        DELETE FROM customers_search_key WHERE customer_id = old.id;
    END""",
]
POSTGRESQL = "CREATE INDEX customers_search ON customers_customer USING gin (search_text gin_trgm_ops)"


def make_index(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for statement in SQLITE:
                cursor.execute(statement)
        elif connection.vendor == "postgresql":
            cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")
            # A server without the extension, or that does not let us switch it on, searches without the index.
            if cursor.fetchone()[0] and _can_extend(cursor):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                cursor.execute(POSTGRESQL)


def _can_extend(cursor):
    cursor.execute(
        "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm')"
        " OR has_database_privilege(current_database(), 'CREATE')"
    )
    return cursor.fetchone()[0]


def drop_index(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "sqlite":
            for name in ("insert", "update", "delete"):
                cursor.execute(f"DROP TRIGGER IF EXISTS customers_search_{name}")
            cursor.execute("DROP TABLE IF EXISTS customers_search")
            cursor.execute("DROP TABLE IF EXISTS customers_search_key")
        else:
            cursor.execute("DROP INDEX IF EXISTS customers_search")


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [migrations.RunPython(make_index, drop_index)]
