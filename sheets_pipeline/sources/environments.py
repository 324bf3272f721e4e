"""Named stores: ``--environment staging`` keeps versions where SOURCES_DATABASE_URL_STAGING or ELASTICSEARCH_URL_STAGING says."""

import os
import re
from collections.abc import Mapping

from dotenv import dotenv_values

from sheets_pipeline.errors import SettingsError
from sheets_pipeline.settings import Settings, load_settings

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")


def settings_of(settings: Settings, environment: str, variables: Mapping[str, str] | None = None) -> Settings:
    """The settings with the store of that name; they themselves for none.

    Raises:
        SettingsError: It is no name, or nothing says where that store is.
    """
    if not environment:
        return settings
    if not _NAME.fullmatch(environment):
        raise SettingsError(f"The environment is {environment!r}; expected letters, digits, - and _, such as staging.")
    given = variables if variables is not None else {**dotenv_values(".env"), **os.environ}
    suffix = environment.upper().replace("-", "_")
    database, elasticsearch = f"SOURCES_DATABASE_URL_{suffix}", f"ELASTICSEARCH_URL_{suffix}"
    urls = {"sources_database_url": given.get(database), "elasticsearch_url": given.get(elasticsearch)}
    found = {name: url for name, url in urls.items() if url}
    if len(found) != 1:
        what = "both" if found else "neither"
        raise SettingsError(
            f"The environment {environment!r} needs a store: expected one of {database} and {elasticsearch}, found {what}."
        )
    [name] = found
    store = "elasticsearch" if name == "elasticsearch_url" else "postgresql"
    return load_settings(**{**dict.fromkeys(urls), **found, "sources_store": store})
