"""The application's models, and the recipe of docs/use/events.md: ``PendingEvent`` and ``submit_quiz``."""

# ruff: noqa: F401 - the recipe uses what is imported here
from django.db import models, transaction
from django.utils import timezone

from sheets_pipeline_tests.django_site import recipe


class User(models.Model):
    full_name = models.CharField(max_length=200)

    class Meta:
        managed = False
        db_table = "users"


class Quiz(models.Model):
    title = models.CharField(max_length=200)

    class Meta:
        managed = False
        db_table = "quizzes"


class QuizResponse(models.Model):
    user = models.ForeignKey(User, models.CASCADE)
    quiz = models.ForeignKey(Quiz, models.CASCADE)
    score = models.FloatField()
    submitted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        managed = False
        db_table = "quiz_responses"


exec(recipe("use/events.md", "class PendingEvent(models.Model)"))  # noqa: S102 - our own documentation
