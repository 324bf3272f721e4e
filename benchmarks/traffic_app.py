"""A tiny application on the learning platform: ``uvicorn benchmarks.traffic_app:app``, each request a few real queries."""

import asyncio
import os
from typing import Any
from urllib.parse import parse_qs

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect

_engine = connect(os.environ["DATABASE_URL"], pool_size=8, max_overflow=0)

_LEARNER = sa.text("SELECT id, full_name, email, last_login_at FROM users WHERE id = :id")
_RESPONSES = sa.text("""
    SELECT r.id, q.title, r.score, r.passed, r.submitted_at FROM quiz_responses r JOIN quizzes q ON q.id = r.quiz_id
    WHERE r.user_id = :id ORDER BY r.submitted_at DESC LIMIT 20
""")
_LOGIN = sa.text("UPDATE users SET last_login_at = now() WHERE id = :id")


def learner(user_id: int) -> bytes:
    """A learner's page: three statements, of which one writes."""
    with _engine.begin() as connection:
        result = connection.execute(_LEARNER, {"id": user_id}).mappings().first()
        responses = [dict(row) for row in connection.execute(_RESPONSES, {"id": user_id}).mappings()]
        connection.execute(_LOGIN, {"id": user_id})
    return orjson.dumps({"learner": dict(result) if result else None, "responses": responses}, default=str)


async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """``GET /?id=N``."""
    if scope["type"] != "http":
        return
    user_id = int(parse_qs(scope["query_string"].decode())["id"][0])
    body = await asyncio.to_thread(learner, user_id)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})
