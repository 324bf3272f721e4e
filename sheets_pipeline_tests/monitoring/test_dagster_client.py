"""What is told of an answer of Dagster's that is an error."""

import json

import pytest
import requests

from sheets_pipeline.errors import DagsterRefused
from sheets_pipeline.monitoring.dagster_client import _data


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Cannot query field 'x'.", "Cannot query field 'x'."),
        ("(OperationalError) server closed the connection\n\tabnormally\n[SQL: SELECT 1]\n[parameters: {'a': 'Ada'}]",
         "(OperationalError) server closed the connection"),
        (None, "an error without a message"),
    ],
)  # fmt: skip
def test_an_error_of_dagster_is_told_without_statements_and_their_parameters(message: str | None, told: str) -> None:
    response = requests.Response()
    response.status_code = 200
    response._content = json.dumps({"errors": [{"message": message}]}).encode()
    with pytest.raises(DagsterRefused) as caught:
        _data("http://127.0.0.1:3000", response)
    assert str(caught.value) == f"Dagster at http://127.0.0.1:3000 answered: {told}"
