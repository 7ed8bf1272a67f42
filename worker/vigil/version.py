"""Versions: this code's, and those of the database schema it fits."""

from importlib.metadata import PackageNotFoundError, version

from vigil.errors import SchemaMismatchError

try:
    VERSION = version("vigil-safety")
except PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0+source"

# The oldest schema that offers every call of outbox.py, and the newest whose changes are known.
OLDEST_SCHEMA = 1
NEWEST_SCHEMA = 1


def check_schema(schema_version: int, breaking_since: int) -> None:
    """Refuse a database that is behind this code, or that has broken with it."""
    if schema_version < OLDEST_SCHEMA:
        raise SchemaMismatchError(
            f"the database is at schema {schema_version}, this worker needs {OLDEST_SCHEMA}; "
            "try: vigil db migrate"
        )
    if breaking_since > NEWEST_SCHEMA:
        raise SchemaMismatchError(
            f"the database broke with workers before schema {breaking_since}, this one knows "
            f"{NEWEST_SCHEMA}; install the vigil-safety that made the migration"
        )
