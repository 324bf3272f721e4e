"""``POST /submit``, the same with ``?fail=1`` in a transaction that is rolled back, and ``GET /slow``."""

import asyncio
import time

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from sheets_pipeline_tests.django_site import models


def submit(request: HttpRequest) -> HttpResponse:
    """One submission of learner 1 in quiz 1."""
    user, quiz = models.User.objects.get(pk=1), models.Quiz.objects.get(pk=1)
    with transaction.atomic():
        models.submit_quiz(user, quiz, 77.5)  # type: ignore[attr-defined] # the recipe makes it
        if "fail" in request.GET:
            transaction.set_rollback(True)
    return HttpResponse("done")


async def slow(request: HttpRequest) -> HttpResponse:
    """A request that takes its time."""
    await asyncio.sleep(float(request.GET["seconds"]))
    return HttpResponse("slow")


def slow_wsgi(request: HttpRequest) -> HttpResponse:
    """The same for a server of threads."""
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse("slow")


urlpatterns = [path("submit", submit), path("slow", slow), path("slow-wsgi", slow_wsgi)]
