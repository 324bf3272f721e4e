"""The one thing that is changed of a tool: where Google's host names lead to."""

from dataclasses import dataclass
from typing import Any

import requests.adapters

GOOGLE_HOSTS = ("https://sheets.googleapis.com", "https://www.googleapis.com")


@dataclass(frozen=True)
class Target:
    """The tab to be kept. ``database_url`` is for tools that remember something between syncs."""

    endpoint: str
    spreadsheet_id: str
    tab: str
    credentials_file: str
    database_url: str


def lead_google_to(endpoint: str) -> None:
    """From now on, requests of this process to Google go to ``endpoint``."""

    def moved(url: str) -> str:
        for host in GOOGLE_HOSTS:
            if url.startswith(host + "/"):
                return endpoint + url[len(host) :]
        return url

    send = requests.adapters.HTTPAdapter.send

    def send_moved(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.url = moved(request.url)
        return send(self, request, *args, **kwargs)

    requests.adapters.HTTPAdapter.send = send_moved  # type: ignore[method-assign]
    try:
        import httplib2
    except ImportError:
        return  # the tool does not use it
    ask = httplib2.Http.request

    def ask_moved(self: Any, uri: str, *args: Any, **kwargs: Any) -> Any:
        return ask(self, moved(uri), *args, **kwargs)

    httplib2.Http.request = ask_moved
