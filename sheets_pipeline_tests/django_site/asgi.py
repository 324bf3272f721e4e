"""The whole of docs/traffic.md's ``mysite/asgi.py``: gives ``application``."""

from sheets_pipeline_tests.django_site import recipe

exec(recipe("traffic.md", "# mysite/asgi.py"))  # noqa: S102 - our own documentation
