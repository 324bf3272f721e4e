"""Changes of tables that hold rows, as Alembic runs them: ``store`` for the pipeline's own, ``queue`` for ``pending_event``.

Each module is one change, named for its number, and stays as it is for good; a new one follows the last. MySQL and MariaDB
commit after every statement that changes a table, so a change looks at what is there and does only what is left to do.
"""
