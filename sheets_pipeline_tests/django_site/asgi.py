"""The whole of docs/use/traffic.md's ``mysite/asgi.py``: gives ``application``."""

from sheets_pipeline_tests.django_site import recipe

exec(recipe("use/traffic.md", "# mysite/asgi.py"))  # noqa: S102 - our own documentation
