"""The one thing that is changed of a client: where Google's host names lead to."""

import httplib2
import requests
from requests.adapters import HTTPAdapter

GOOGLE_HOSTS = ("https://sheets.googleapis.com", "https://www.googleapis.com", "https://docs.google.com")


def moved(url: str, endpoint: str) -> str:
    """The address on this machine that stands for one of Google's."""
    for host in GOOGLE_HOSTS:
        if url.startswith(host + "/"):
            return endpoint + url[len(host) :]
    return url


class LocalAdapter(HTTPAdapter):
    """Sends requests for Google's hosts to a server on this machine."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        super().__init__()

    def send(self, request, *args, **kwargs):
        request.url = moved(request.url, self._endpoint)
        return super().send(request, *args, **kwargs)


def mount(session: requests.Session, endpoint: str) -> requests.Session:
    """The session with Google's hosts led to the server."""
    for host in GOOGLE_HOSTS:
        session.mount(host, LocalAdapter(endpoint))
    return session


class LocalHttp(httplib2.Http):
    """The same for clients on httplib2."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        super().__init__(timeout=30)

    def request(self, uri, *args, **kwargs):
        return super().request(moved(uri, self._endpoint), *args, **kwargs)
