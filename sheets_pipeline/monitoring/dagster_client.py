"""Dagster's webserver over its GraphQL API: launch a sync, read and set the switches that its UI shows.

Only what must be one state with the UI goes this way; everything else is read from Dagster's storage.
Source: https://docs.dagster.io/api/graphql
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from sheets_pipeline.embedded.dev_state import running_dev
from sheets_pipeline.errors import DagsterRefused, DagsterUnreachable
from sheets_pipeline.settings import Settings

_TIMEOUT_SECONDS = (3.05, 30)
JOB = "full_sync"

_DEFINITIONS = """
query Definitions { repositoriesOrError { __typename
  ... on RepositoryConnection { nodes { name location { name } jobs { name }
    sensors { name sensorState { id selectorId status } }
    schedules { name scheduleState { id selectorId status } } } }
  ... on PythonError { message } } }
"""
_LAUNCH = """
mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on Error { message }
  ... on RunConfigValidationInvalid { errors { message } } } }
"""
#: Whatever refuses to start or stop a switch gives a message.
_ERRORS = "__typename ... on Error { message }"
#: By kind of switch: how it is started, how it is stopped.
_MUTATIONS = {
    "sensor": (
        f"mutation Start($selector: SensorSelector!) {{ startSensor(sensorSelector: $selector) {{ {_ERRORS} }} }}",
        f"mutation Stop($id: String!) {{ stopSensor(id: $id) {{ {_ERRORS} }} }}",
    ),
    "schedule": (
        f"mutation Start($selector: ScheduleSelector!) {{ startSchedule(scheduleSelector: $selector) {{ {_ERRORS} }} }}",
        f"mutation Stop($id: String!) {{ stopRunningSchedule(id: $id) {{ {_ERRORS} }} }}",
    ),
}


@dataclass(frozen=True)
class Switch:
    """A schedule or sensor: its state as the UI shows it."""

    name: str
    kind: str
    state_id: str
    is_on: bool


@dataclass(frozen=True)
class Location:
    """Where the webserver has our definitions, and the switches there by name."""

    repository: str
    location: str
    switches: Mapping[str, Switch]


class DagsterClient:
    """Calls of one webserver. The address is looked up at each call: under ``dev`` it comes and goes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def address(self) -> str | None:
        """DAGSTER_URL, else what ``sheets-pipeline dev`` announced; None where there is neither."""
        url = self.settings.dagster_url or (running_dev(self.settings) or {}).get("dagster_url")
        return str(url).rstrip("/") if url else None

    def run_url(self, run_id: str) -> str | None:
        """A run's page in the UI."""
        address = self.address()
        return f"{address}/runs/{run_id}" if address else None

    def launch(self, assets: Sequence[Sequence[str]], tags: Mapping[str, str], job: str = JOB) -> str:
        """Start a job for these assets (paths), as a whole where there are none; returns the run's id.

        Raises:
            DagsterUnreachable: Nobody answers.
            DagsterRefused: The run cannot be launched.
        """
        ours = self.definitions()
        selector = {
            "repositoryName": ours.repository,
            "repositoryLocationName": ours.location,
            "jobName": job,
            **({"assetSelection": [{"path": list(path)} for path in assets]} if assets else {}),
        }
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        answer = self._call(_LAUNCH, params={"selector": selector, "mode": "default", "executionMetadata": metadata})
        result = _accepted(answer["launchRun"], "LaunchRunSuccess")
        return str(result["run"]["runId"])

    def set_switches(self, names: Sequence[str], *, on: bool) -> None:
        """Turn schedules and sensors on or off, each as its toggle in the UI does.

        Raises:
            DagsterUnreachable: Nobody answers.
            DagsterRefused: There is no such schedule or sensor, or it cannot be set.
        """
        ours = self.definitions()
        if unknown := [name for name in names if name not in ours.switches]:
            raise DagsterRefused(
                f"Dagster has no schedule or sensor {unknown[0]!r}, found {', '.join(sorted(ours.switches))}. "
                "Reload the code location in the Dagster UI, or restart Dagster."
            )
        for name in names:
            switch = ours.switches[name]
            if switch.is_on != on:
                self._set(ours, switch, on=on)

    def definitions(self) -> Location:
        """Our repository, found by its job."""
        answer = self._call(_DEFINITIONS)["repositoriesOrError"]
        for node in _accepted(answer, "RepositoryConnection")["nodes"]:
            if JOB in {job["name"] for job in node["jobs"]}:
                return Location(node["name"], node["location"]["name"], _switches(node))
        raise DagsterUnreachable(
            f"The Dagster UI at {self.address()} answers, but has not loaded the job {JOB!r}. Wait until it has, or "
            "look under Deployment → Code locations for the error."
        )

    def _set(self, ours: Location, switch: Switch, *, on: bool) -> None:
        selector = {"repositoryName": ours.repository, "repositoryLocationName": ours.location}
        start, stop = _MUTATIONS[switch.kind]
        if on:
            answer = self._call(start, selector={**selector, f"{switch.kind}Name": switch.name})
        else:
            answer = self._call(stop, id=switch.state_id)
        [result] = answer.values()
        _accepted(result, "Sensor", "StopSensorMutationResult", "ScheduleStateResult")

    def _call(self, query: str, **variables: Any) -> dict[str, Any]:
        address = self.address()
        if address is None:
            raise DagsterUnreachable(
                "It is not known where the Dagster UI is: DAGSTER_URL is not set and no `sheets-pipeline dev` runs for "
                f"{self.settings.local_data_dir.absolute()}. Start it with `sheets-pipeline dev`, or set DAGSTER_URL."
            )
        try:
            response = requests.post(
                f"{address}/graphql", json={"query": query, "variables": variables}, timeout=_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise DagsterUnreachable(
                f"The Dagster UI at {address} does not answer ({type(error).__name__}). Start `dagster dev` or "
                "`sheets-pipeline dev`, or set DAGSTER_URL to where it is."
            ) from None
        return _data(address, response)


def _data(address: str, response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise DagsterUnreachable(
            f"Expected Dagster's GraphQL API at {address}/graphql, found something else (status {response.status_code}). "
            "Set DAGSTER_URL to the address of the Dagster UI, without a path."
        )
    if errors := body.get("errors"):
        # Only the first line: where Dagster's storage failed, the statement and its parameters follow.
        first_line = str(errors[0].get("message") or "an error without a message").strip().split("\n", 1)[0]
        raise DagsterRefused(f"Dagster at {address} answered: {first_line}")
    return dict(body.get("data") or {})


def _accepted(result: dict[str, Any], *expected: str) -> dict[str, Any]:
    if result["__typename"] in expected:
        return result
    reasons = [error["message"] for error in result.get("errors", [])] or [result.get("message", "no reason given")]
    raise DagsterRefused(f"Dagster refused ({result['__typename']}): {'; '.join(reasons)}")


def _switches(node: dict[str, Any]) -> dict[str, Switch]:
    switches = {}
    for kind in ("sensor", "schedule"):
        for item in node[f"{kind}s"]:
            state = item[f"{kind}State"]
            switches[item["name"]] = Switch(item["name"], kind, state["id"], state["status"] == "RUNNING")
    return switches
