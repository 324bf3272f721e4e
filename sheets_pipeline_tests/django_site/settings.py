"""Settings of the site; ``DATABASE_URL`` is the platform's database."""

import os

import sqlalchemy as sa

_url = sa.make_url(os.environ["DATABASE_URL"])

SECRET_KEY = "of no use to anybody"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "sheets_pipeline_tests.django_site.urls"
INSTALLED_APPS = ["sheets_pipeline_tests.django_site"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.database,
        "USER": _url.username,
        "PASSWORD": _url.password,
        "HOST": _url.host,
        "PORT": _url.port,
    }
}
