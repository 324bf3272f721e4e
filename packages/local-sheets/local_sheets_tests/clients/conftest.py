"""One server for all tests of clients, with sign-in as Google has it, and credentials for it."""

import pytest
from google.oauth2.service_account import Credentials

from local_sheets.testing import LocalSheetsServer

SCOPES = ["https://www.googleapis.com/auth/spreadsheets", "https://www.googleapis.com/auth/drive"]


@pytest.fixture(scope="session")
def server():
    with LocalSheetsServer(auth="service-account") as running:
        yield running


@pytest.fixture(scope="session")
def credentials(server):
    return Credentials.from_service_account_file(server.credentials_file, scopes=SCOPES)
