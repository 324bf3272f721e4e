"""The server of the clients' tests: with sign-in as Google has it."""

from local_sheets_tests.clients.conftest import credentials, server

__all__ = ["credentials", "server"]
