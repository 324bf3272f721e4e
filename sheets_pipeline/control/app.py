"""The control API over HTTP: health, status, stats, logs and metrics to read; force, switches and pauses to steer.

Each endpoint is a plain function that FastAPI runs in a thread, as databases and Dagster are called without async.
Errors raised on purpose become answers of the shape ``{"error": "..."}``.
"""

import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Body, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from sheets_pipeline.control import models
from sheets_pipeline.control.daemon_alerts import DaemonAlerts
from sheets_pipeline.control.edits import add_edits
from sheets_pipeline.control.metrics import Metrics
from sheets_pipeline.control.operations import (
    HISTORY_POINTS,
    SAMPLE_SECONDS,
    Operations,
)
from sheets_pipeline.control.page import add_pages
from sheets_pipeline.control.security import Guard
from sheets_pipeline.control.sources import add_sources
from sheets_pipeline.control.webhook import add_webhook
from sheets_pipeline.database import source_tasks
from sheets_pipeline.database.engine import explain
from sheets_pipeline.database.history import SyncRecord
from sheets_pipeline.edits.applier import Applier
from sheets_pipeline.edits.intake import Intake
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.runs.edit_looks import look_everywhere
from sheets_pipeline.sync.health import Health, Status
from sheets_pipeline.sync.numbers import KEPT

logger = logging.getLogger(__name__)

#: Health that a load balancer or uptime monitor is told to be all right.
_UP = (Health.HEALTHY, Health.WARNING)

#: More syncs than this between two looks are counted at the next one.
_COUNTED_AT_ONCE = 20_000


def _errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    texts = {
        401: "The token is missing or wrong.",
        403: "Not from this machine, or from a foreign page.",
        404: "There is no such tab, edit or source.",
        409: "The tab is switched off, the edit is in another state, or somebody else is doing the same now.",
        415: "Not JSON.",
        422: "Wrong input.",
        502: "Dagster refused.",
        503: "The database or the Dagster webserver cannot be reached.",
    }
    return {code: {"model": models.ErrorAnswer, "description": texts[code]} for code in (401, 403, *codes)}


_READ = _errors(503)
_ACT = _errors(404, 409, 415, 422, 502, 503)


def create_app(
    operations: Operations, token: str | None, edits_secret: str | None = None, webhook: FastAPI | None = None
) -> FastAPI:
    """The application.

    Args:
        operations: What it can do.
        token: CONTROL_API_TOKEN, or None to serve this machine only.
        edits_secret: What the Apps Script signs with; None takes no edits.
        webhook: Serves the webhook in place of this application.
    """
    metrics = Metrics(operations.titles())
    applier = Applier(lambda: operations.pipeline, lambda: look_everywhere(operations.pipeline))
    intake = Intake(lambda: operations.pipeline, edits_secret, is_enabled=lambda: operations.settings.edits_on)
    app = FastAPI(
        title="Sheets Pipeline control API",
        version=version("sheets-pipeline"),
        summary="See whether the sheets are in step with the database, and control what keeps them so.",
        description='Answers that report a problem have the shape `{"error": "..."}`.',
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(operations, metrics, applier),
        responses=_errors(),
    )
    app.add_middleware(Guard, token=token)
    _add_error_handlers(app)
    _add_reading(app, operations)
    _add_metrics(app, operations, metrics)
    _add_steering(app, operations)
    add_edits(app, lambda: operations.pipeline, _errors(404, 422, 503), _ACT)
    add_sources(app, operations, _errors(404, 409, 422, 503), _ACT)
    add_webhook(app if webhook is None else webhook, intake, applier)
    add_pages(app)
    _describe(app)
    return app


def _add_reading(app: FastAPI, operations: Operations) -> None:
    @app.get("/", response_model=models.HealthAnswer, tags=["health"], responses={503: {"model": models.HealthAnswer}})
    def health(request: Request) -> Response:
        """Health in one word: 200 while the sheets are in step, 503 otherwise. Browsers get the dashboard.

        Needs no token; why it is so is told to those who have it.
        """
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("dashboard")  # of a proxy's path, whatever that is
        try:
            status = operations.status()
        except (SheetsPipelineError, sa.exc.SQLAlchemyError) as error:
            health = "unknown" if operations.has_started else Health.UNHEALTHY.value
            return _health_answer(request, health, _explained(error), 503)
        return _health_answer(request, status.health.value, status.reason, 200 if status.health in _UP else 503)

    @app.get("/sync/status", response_model=models.StatusAnswer, tags=["health"], responses=_READ)
    def status() -> Any:
        """Health of the whole and of each tab, the queue, quota, circuit breaker, pauses, and runs under way."""
        return operations.status_json()

    @app.get("/stats", response_model=models.StatsAnswer, tags=["history"], responses=_READ)
    def stats() -> Any:
        """Counts and durations per tab with the latest syncs of each, and the queue over the last hour."""
        tabs = operations.stats(HISTORY_POINTS)
        queue = [{"at": at, "pending": pending} for at, pending in list(operations.queue)]
        return {"at": datetime.now(UTC), "tabs": tabs, "queue": queue}

    @app.get("/logs", response_model=models.LogsAnswer, tags=["history"], responses=_errors(404, 422, 503))
    def logs(
        tab: Annotated[models.Title | None, Query(description="Only this tab.")] = None,
        outcome: Annotated[models.Outcome | None, Query(description="Only syncs with this outcome.")] = None,
        since: Annotated[models.Moment | None, Query(description="Only syncs that started at or after this.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="At most this many.")] = 100,
    ) -> Any:
        """Recent syncs, newest first, and readings of sources: what was done and what went wrong, never what stands in cells."""
        operations.check_tab(tab)
        records = operations.recent(tab=tab, outcome=outcome, since=since, limit=limit)
        read = [] if tab is not None else _source_lines(operations, outcome, since, limit)
        return {"logs": [_log_line(operations, record) for record in records], "sources": read}


def _add_metrics(app: FastAPI, operations: Operations, metrics: Metrics) -> None:
    @app.get(
        "/metrics",
        tags=["history"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def prometheus() -> Response:
        """Metrics in Prometheus' text format. While databases do not answer, `sheets_pipeline_status_readable` is 0."""
        status: Status | None = None
        try:
            _absorb(operations, metrics)
            status = operations.status()
        except (SheetsPipelineError, sa.exc.SQLAlchemyError) as error:
            logger.warning("Metrics without gauges: %s", _explained(error))
        return Response(metrics.render(status), media_type=CONTENT_TYPE_LATEST)


def _add_steering(app: FastAPI, operations: Operations) -> None:
    tab_query = Annotated[models.Title | None, Query(description="A tab's title; the body can name it as well.")]

    @app.post("/sync/force", response_model=models.ForceAnswer, tags=["steering"], responses=_ACT)
    def force(
        tab: Annotated[list[models.Title] | None, Query(max_length=50, description="A title; may be repeated.")] = None,
        body: Annotated[models.ForceRequest | None, Body()] = None,
    ) -> Any:
        """Start a full sync now, of all tabs or of those named. Joins a run that already does that."""
        asked = body or models.ForceRequest()
        return operations.force({*(tab or []), *asked.tabs, *([asked.tab] if asked.tab else [])})

    @app.post("/sync/enable", response_model=models.SwitchAnswer, tags=["steering"], responses=_ACT)
    def enable(tab: tab_query = None, body: Annotated[models.SwitchRequest | None, Body()] = None) -> Any:
        """Switch a tab on, or the schedule and the sensor of events: the same toggles as in the Dagster UI."""
        title = tab or (body.tab if body else None)
        return {"enabled": True, "tab": title, "switches": operations.switch(title, on=True)}

    @app.post("/sync/disable", response_model=models.SwitchAnswer, tags=["steering"], responses=_ACT)
    def disable(tab: tab_query = None, body: Annotated[models.SwitchRequest | None, Body()] = None) -> Any:
        """Switch a tab off, or the schedule and the sensor of events. Events stay queued meanwhile."""
        title = tab or (body.tab if body else None)
        return {"enabled": False, "tab": title, "switches": operations.switch(title, on=False)}

    @app.post("/sync/pause", response_model=models.PauseAnswer, tags=["steering"], responses=_ACT)
    def pause(body: models.PauseRequest) -> Any:
        """Hold syncs up for some seconds, as a lease that ends by itself; asking again renews it."""
        return {"paused_until": operations.pause(body.seconds, body.reason, body.holder)}

    @app.post("/sync/resume", response_model=models.PauseAnswer, tags=["steering"], responses=_ACT)
    def resume(body: Annotated[models.ResumeRequest | None, Body()] = None) -> Any:
        """End a pause before its time: one holder's, or all."""
        return {"paused_until": operations.resume(body.holder if body else None)}


def _health_answer(request: Request, health: str, reason: str, status_code: int) -> Response:
    """The reason may name databases and what failed: only those who may read it elsewhere are told here."""
    why = {"reason": reason} if request.state.is_trusted else {}
    return JSONResponse({"health": health, **why}, status_code=status_code)


def _log_line(operations: Operations, record: SyncRecord) -> dict[str, Any]:
    line = record._asdict() | (record.numbers.as_dict() if record.numbers else dict.fromkeys(KEPT))
    run_url = operations.dagster.run_url(record.run_id) if record.run_id else None
    return {**line, "outcome": record.outcome or "running", "run_url": run_url}


def _source_lines(
    operations: Operations, outcome: str | None, since: datetime | None, limit: int
) -> list[dict[str, Any]]:
    if outcome == "refused":
        return []
    states: dict[str | None, source_tasks.State] = {"success": "completed", "failed": "failed"}
    tasks = source_tasks.recent(operations.pipeline.state, None, state=states.get(outcome), since=since, limit=limit)
    names = [name for name in models.SourceLogLine.model_fields if name != "task_id"]
    return [{"task_id": task.id, **{name: getattr(task, name) for name in names}} for task in tasks]


def _absorb(operations: Operations, metrics: Metrics) -> None:
    metrics.absorb(operations.recent(by_copy=False, since=metrics.since(), limit=_COUNTED_AT_ONCE))


def _lifespan(operations: Operations, metrics: Metrics, applier: Applier) -> Callable[[FastAPI], Any]:
    """While the application runs, threads note the queue's depth, count syncs that ended, miss a silent daemon, and apply
    edits where these are on."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        ended = threading.Event()
        for name, target, arguments in (
            ("samples", _watch, (operations, metrics, ended)),
            ("daemon alerts", DaemonAlerts(operations).watch, (ended,)),
        ):
            threading.Thread(target=target, args=arguments, name=name, daemon=True).start()
        if operations.settings.edits_on:
            applier.start()
        yield
        ended.set()
        applier.end()

    return lifespan


def _watch(operations: Operations, metrics: Metrics, ended: threading.Event) -> None:
    _warm_up(operations)
    while True:
        try:
            operations.sample()
            _absorb(operations, metrics)
        except Exception as error:  # whatever it is, the next sample is taken
            logger.warning("No sample of the queue: %s", _explained(error))
        if ended.wait(SAMPLE_SECONDS):
            return


def _warm_up(operations: Operations) -> None:
    """Open databases before the first caller waits for it."""
    try:
        operations.status()
    except Exception as error:  # whoever asks for it is told
        logger.warning("The status cannot be read yet: %s", _explained(error))


def _explained(error: Exception) -> str:
    """Our own errors say what to do; of Dagster's storage, the only other database, what we know is told, else the class."""
    if isinstance(error, SheetsPipelineError):
        return str(error)
    if known := explain(error):
        return str(known)
    return f"A database does not answer ({type(error).__name__}). `sheets-pipeline doctor` says which and what to do."


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(SheetsPipelineError)
    def on_purpose(_request: Request, error: SheetsPipelineError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=error.http_status)

    @app.exception_handler(sa.exc.SQLAlchemyError)
    def database(_request: Request, error: sa.exc.SQLAlchemyError) -> JSONResponse:
        logger.error("A database failed", exc_info=error)
        return JSONResponse({"error": _explained(error)}, status_code=503)

    @app.exception_handler(RequestValidationError)
    def wrong_input(_request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"error": " ".join(_in_words(problem) for problem in error.errors())}, status_code=422)

    @app.exception_handler(HTTPException)
    def http(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, status_code=error.status_code, headers=error.headers)


def _in_words(problem: Any) -> str:
    """``body.seconds: input should be greater than 0.`` The input itself is not repeated."""
    where = ".".join(str(part) for part in problem["loc"])
    text = problem["msg"].removeprefix("Value error, ").rstrip(".")
    is_word = text[1:2].islower()  # not JSON, URL
    return f"{where}: {text[:1].lower() if is_word else text[:1]}{text[1:]}."


def _describe(app: FastAPI) -> None:
    """The OpenAPI document, with the token as its security scheme."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        document.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, methods in document["paths"].items():
            if path != "/":
                for method in methods.values():
                    method["security"] = [{"token": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign] # the documented way, https://fastapi.tiangolo.com/how-to/extending-openapi/
