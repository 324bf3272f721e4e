"""docs/use/traffic.md's lines for WSGI around Django's ``application``."""

from django.core.wsgi import get_wsgi_application

from sheets_pipeline_tests.django_site import recipe

application = get_wsgi_application()
exec(recipe("use/traffic.md", "PauseSyncsWsgi(application"))  # noqa: S102 - our own documentation
