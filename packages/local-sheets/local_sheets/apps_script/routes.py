"""Routes of scripts: our own below ``/_local/apps-script/``, and those of Google's Apps Script API that fit.

See https://developers.google.com/apps-script/api/reference/rest
"""

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_sheets.api_error import ApiError, invalid
from local_sheets.apps_script.execution_log import MOST_KEPT
from local_sheets.apps_script.project import Project, Trigger
from local_sheets.apps_script.running import Run
from local_sheets.apps_script.scripts import Occurrence, Scripts
from local_sheets.server.encoding import JSON_TYPE, json_bytes
from local_sheets.undo.stacks import doing

if TYPE_CHECKING:
    from local_sheets.server.context import Server

Handler = Callable[[Request], Awaitable[Any]]


class AppsScript:
    """The scripts of a server, and how they are reached."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self.scripts = Scripts(server)

    def routes(self) -> list[Route]:
        """All routes, each with its methods."""
        ours, google = _LocalRoutes(self.scripts), _GoogleRoutes(self._server, self.scripts)
        base = "/_local/apps-script/{spreadsheet_id}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", base, ours.show),
            ("PUT", f"{base}/content", ours.set_content),
            ("POST", f"{base}/run", ours.run),
            ("POST", f"{base}/opened", ours.opened),
            ("POST", f"{base}/triggers", ours.add_trigger),
            ("DELETE", f"{base}/triggers/{{uid}}", ours.remove_trigger),
            ("PUT", f"{base}/properties", ours.set_properties),
            ("GET", f"{base}/executions", ours.executions),
            ("GET", f"{base}/dialogs", ours.dialogs),
            ("POST", f"{base}/dialogs/{{number:int}}", ours.answer),
        ]
        theirs: list[tuple[str, str, Handler]] = [
            ("POST", "/v1/projects", google.create),
            ("GET", "/v1/projects/{script_id}", google.get),
            ("GET", "/v1/projects/{script_id}/content", google.get_content),
            ("PUT", "/v1/projects/{script_id}/content", google.update_content),
            ("POST", "/v1/scripts/{script_id}:run", google.run),
            ("GET", "/v1/processes:listScriptProcesses", google.processes),
        ]
        return [Route(path, _answering(handler), methods=[verb]) for verb, path, handler in table + theirs]


def _answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler's message as JSON, its refusals as the API's errors."""

    async def handle(request: Request) -> Response:
        try:
            return Response(json_bytes(await handler(request), pretty=True), media_type=JSON_TYPE)
        except ApiError as error:
            return Response(json_bytes(error.body(), pretty=True), error.code, media_type=JSON_TYPE)

    return handle


async def _body(request: Request) -> dict[str, Any]:
    try:
        found = orjson.loads(await request.body() or b"{}")
    except orjson.JSONDecodeError as error:
        raise invalid(f"The body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise invalid("Expected a JSON object.")
    return found


def _list(body: dict[str, Any], name: str) -> list[Any]:
    found = body.get(name) or []
    if not isinstance(found, list):
        raise invalid(f"{name}: expected a list.")
    return found


class _LocalRoutes:
    """One method per route; for the page, and for tests."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def _project(self, request: Request) -> Project:
        return self._scripts.project_of(request.path_params["spreadsheet_id"])

    async def show(self, request: Request) -> dict[str, Any]:
        """Files, functions, triggers, menus and the names of properties; never their values."""
        project = self._project(request)
        return {
            **project.content(),
            "functions": project.functions(),
            "triggers": [_trigger(one) for one in project.triggers],
            "properties": {scope: sorted(values) for scope, values in project.properties.items() if values},
            "menus": self._scripts.state.menus.get(project.spreadsheet_id, []),
        }

    async def set_content(self, request: Request) -> dict[str, Any]:
        """``{"files": [{"name", "type", "source"}]}`` replaces all files; a missing manifest is filled in."""
        project = self._project(request)
        self._scripts.set_content(project, (await _body(request)).get("files"))
        return await self.show(request)

    async def run(self, request: Request) -> dict[str, Any]:
        """``{"function", "parameters", "answers"}``; answered when the function has ended.

        ``answers`` are given to its dialogs one after another, a text or ``{"button", "text"}``; without them a person
        at the page is asked. ``"menu": true`` runs it as an item of a menu. ``client`` names the page whose person can
        undo what it does.
        """
        body = await _body(request)
        answers = _list(body, "answers") if "answers" in body else None
        process_type = "MENU" if body.get("menu") else "EDITOR"
        with doing(str(body.get("client", ""))):
            run = await self._scripts.call(
                self._project(request),
                body.get("function"),
                _list(body, "parameters"),
                process_type=process_type,
                answers=answers,
            )
        return {"result": run.result, "execution": run.record.as_json()}

    async def opened(self, request: Request) -> dict[str, Any]:
        """A person has opened the spreadsheet: ``onOpen`` fires."""
        project = self._project(request)
        self._scripts.fire(project.spreadsheet_id, [Occurrence("ON_OPEN", {})])
        return {}

    async def add_trigger(self, request: Request) -> dict[str, Any]:
        """``{"function", "eventType", "everySeconds", "afterSeconds"}``, the last two for ``CLOCK`` alone."""
        return _trigger(self._scripts.add_trigger(self._project(request), await _body(request)))

    async def remove_trigger(self, request: Request) -> dict[str, Any]:
        self._scripts.remove_trigger(self._project(request), request.path_params["uid"])
        return {}

    async def set_properties(self, request: Request) -> dict[str, Any]:
        """Script properties, as people set them on the page of settings: ``{"NAME": "value"}``."""
        body, project = await _body(request), self._project(request)
        if not all(isinstance(value, str) for value in body.values()):
            raise invalid("Properties are texts.")
        project.set_property_values("script", body, alone=False)
        self._scripts.store.save(project)
        return {"names": sorted(project.properties["script"])}

    async def executions(self, request: Request) -> dict[str, Any]:
        """Newest first, with logs and errors; ``?limit=N``."""
        limit = request.query_params.get("limit", str(MOST_KEPT))
        if not limit.isdecimal():
            raise invalid(f"limit is {limit!r}, expected a number.")
        found = islice(self._scripts.executions.of(self._project(request).spreadsheet_id), int(limit))
        return {"executions": [one.as_json() for one in found]}

    async def dialogs(self, request: Request) -> dict[str, Any]:
        """Questions that wait for an answer."""
        spreadsheet_id = self._project(request).spreadsheet_id
        waiting = self._scripts.state.dialogs.values()
        return {"dialogs": [one.as_json() for one in waiting if one.spreadsheet_id == spreadsheet_id]}

    async def answer(self, request: Request) -> dict[str, Any]:
        """``{"button": "OK", "text": "..."}``"""
        spreadsheet_id = self._project(request).spreadsheet_id
        self._scripts.state.answer(spreadsheet_id, request.path_params["number"], await _body(request))
        return {}


class _GoogleRoutes:
    """Methods of the Apps Script API, for clients that are pointed here."""

    def __init__(self, server: "Server", scripts: Scripts) -> None:
        self._server, self._scripts = server, scripts

    def _project(self, request: Request, script_id: str) -> Project:
        self._check_caller(request)
        return self._scripts.store.by_script_id(script_id)

    def _check_caller(self, request: Request) -> None:
        self._server.gate.caller(request.headers.get("authorization"), request.query_params.get("access_token"), None)

    async def create(self, request: Request) -> dict[str, Any]:
        """``projects.create``, for a script that is bound to the spreadsheet ``parentId``."""
        self._check_caller(request)
        body = await _body(request)
        if not isinstance(body.get("parentId"), str):
            raise invalid("parentId: expected the id of a spreadsheet; Local Sheets has bound scripts alone.")
        project = self._scripts.project_of(body["parentId"])
        self._scripts.store.save(project)
        return _project_message(project, str(body.get("title") or "Untitled project"))

    async def get(self, request: Request) -> dict[str, Any]:
        """``projects.get``"""
        return _project_message(self._project(request, request.path_params["script_id"]), "Untitled project")

    async def get_content(self, request: Request) -> dict[str, Any]:
        """``projects.getContent``"""
        return self._project(request, request.path_params["script_id"]).content()

    async def update_content(self, request: Request) -> dict[str, Any]:
        """``projects.updateContent``"""
        project = self._project(request, request.path_params["script_id"])
        self._scripts.set_content(project, (await _body(request)).get("files"))
        return project.content()

    async def run(self, request: Request) -> dict[str, Any]:
        """``scripts.run``: an operation that is done, with the result or the script's error."""
        project = self._project(request, request.path_params["script_id"])
        body = await _body(request)
        run = await self._scripts.call(
            project, body.get("function"), _list(body, "parameters"), process_type="EXECUTION_API"
        )
        return _operation(run)

    async def processes(self, request: Request) -> dict[str, Any]:
        """``processes.listScriptProcesses``"""
        project = self._project(request, request.query_params.get("scriptId", ""))
        return {"processes": [_process(one.as_json()) for one in self._scripts.executions.of(project.spreadsheet_id)]}


def _trigger(trigger: Trigger) -> dict[str, Any]:
    shown = {"uid": trigger.uid, "function": trigger.function, "eventType": trigger.eventType}
    if trigger.everySeconds is not None:
        shown["everySeconds"] = trigger.everySeconds  # type: ignore[assignment]
    if trigger.afterSeconds is not None:
        shown["afterSeconds"] = trigger.afterSeconds  # type: ignore[assignment]
    return shown


def _project_message(project: Project, title: str) -> dict[str, Any]:
    return {"scriptId": project.script_id, "title": title, "parentId": project.spreadsheet_id}


def _operation(run: Run) -> dict[str, Any]:
    error = run.record.error
    if error is None:
        response = {"@type": "type.googleapis.com/google.apps.script.v1.ExecutionResponse", "result": run.result}
        return {"done": True, "response": response}
    details = {
        "@type": "type.googleapis.com/google.apps.script.v1.ExecutionError",
        "errorMessage": f"{error['name']}: {error['message']}",
        "errorType": "ScriptError",
        "scriptStackTraceElements": [
            {"function": one["function"], "lineNumber": one["lineNumber"]} for one in error["stack"]
        ],
    }
    return {"done": True, "error": {"code": 3, "message": "ScriptError", "details": [details]}}


def _process(shown: dict[str, Any]) -> dict[str, Any]:
    """A ``GoogleAppsScriptTypeProcess``."""
    names = ("functionName", "processType", "processStatus", "startTime")
    return {**{name: shown[name] for name in names}, "duration": f"{shown['seconds']}s", "userAccessLevel": "OWNER"}
