"""The doctor: runs checks one after the other, each bounded in time, and says of each ok, warn, fail or skipped.

What is checked is in ``doctor_checks``. A check that fails stops only those that need it; one that hangs is given up.
Whatever a check says, values of secret settings are struck out before anybody sees it.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.settings import Settings
from sheets_pipeline.urls import forms_of, secrets_in_url

#: Longest time of a check that says nothing else, in seconds.
CHECK_SECONDS = 15.0
#: Shorter secrets are no secrets, and striking them out would make messages unreadable.
_SHORTEST_SECRET = 4


class Level(StrEnum):
    """How one line of the report begins."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what to do where that is not plain from it."""

    level: Level
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report."""

    name: str
    finding: Finding
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The shape of ``doctor --json``, one check."""
        finding = self.finding
        return {
            "name": self.name,
            "level": finding.level.value,
            "message": finding.message,
            "remedy": finding.remedy,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``needs`` names checks that must not have failed; ``run`` adds to the facts what later ones need."""

    name: str
    run: Callable[[Any], Finding]
    needs: tuple[str, ...] = ()
    seconds: float = CHECK_SECONDS


def counted(number: int, noun: str) -> str:
    """``1 tab``, ``2 tabs``."""
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def ok(message: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, message)


def warn(message: str, remedy: str) -> Finding:
    """It works, and something should be looked at."""
    return Finding(Level.WARN, message, remedy)


def fail(message: str, remedy: str = "") -> Finding:
    """It cannot work so."""
    return Finding(Level.FAIL, message, remedy)


def examine(checks: Iterable[Check], facts: Any, secrets: Callable[[], Iterable[str]] = tuple) -> Iterator[Result]:
    """Run the checks in order; each result as soon as it is known.

    Args:
        checks: A check stands behind those that it needs.
        facts: Given to each check.
        secrets: What must not be shown; asked anew for each result, since the first checks find out.
    """
    broken: set[str] = set()
    for check in checks:
        began = time.monotonic()
        missing = [name for name in check.needs if name in broken]
        if missing:
            finding = Finding(Level.SKIPPED, f"needs {' and '.join(missing)}")
        else:
            finding = _bounded(check, facts)
        if finding.level in (Level.FAIL, Level.SKIPPED):
            broken.add(check.name)
        yield Result(check.name, _without(finding, secrets()), time.monotonic() - began)


def _bounded(check: Check, facts: Any) -> Finding:
    """The check's finding, in a thread that is left behind if it hangs."""
    findings: list[Finding] = []

    def run() -> None:
        findings.append(_guarded(check, facts))

    thread = threading.Thread(target=run, daemon=True, name=f"doctor {check.name}")
    thread.start()
    thread.join(check.seconds)
    if findings:
        return findings[0]
    return fail(
        f"gave no answer within {check.seconds:g} s",
        "Something accepts connections and does not answer: look at the host, at firewalls and at what it waits for.",
    )


def _guarded(check: Check, facts: Any) -> Finding:
    try:
        return check.run(facts)
    except SheetsPipelineError as error:  # these say themselves what to do
        return fail(str(error))
    except Exception as error:  # one broken check must not keep the others from being made
        return fail(f"unexpected {type(error).__name__}: {error}", "Run again with -v; if it stays so, report it.")


def _without(finding: Finding, secrets: Iterable[str]) -> Finding:
    message, remedy = finding.message, finding.remedy
    for form in sorted(
        {form for secret in secrets for form in forms_of(secret) if len(form) >= _SHORTEST_SECRET},
        key=len,
        reverse=True,
    ):
        message, remedy = message.replace(form, "***"), remedy.replace(form, "***")
    return replace(finding, message=message, remedy=remedy)


def secrets_of(settings: Settings) -> set[str]:
    """Everything in the settings that must not be shown: whole secret values, and the passwords within URLs."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return secrets_in(*(value.get_secret_value() for value in values if isinstance(value, SecretStr)))


def secrets_in(*values: str) -> set[str]:
    """What within these secret values, such as URLs, must not be shown."""
    return {part for value in values for part in _parts(value) if len(part) >= _SHORTEST_SECRET}


def _parts(secret: str) -> set[str]:
    """A secret value, its words, the key in a service account's file, and what in URLs is secret."""
    if secret.lstrip().startswith("{"):
        return {secret, *_KEY_TEXT.findall(secret)}
    parts = {secret, *secret.split()}
    for word in secret.split():
        with suppress(sa.exc.ArgumentError, ValueError):
            parts |= secrets_in_url(sa.make_url(word), plain=_PLAIN)
    return parts


#: Where a service account's file holds what is secret.
_KEY_TEXT = re.compile(r'"(?:private_key|private_key_id|client_secret|refresh_token)"\s*:\s*"([^"]+)"')

#: Values of URL options that are no secrets.
_PLAIN = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", "true", "false", "utf8mb4"}
