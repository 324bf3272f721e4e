"""Discovery documents of what is served, with our own address in place of Google's.

See https://developers.google.com/discovery/v1/reference/apis
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from local_sheets.discovery import load_document
from local_sheets.server.encoding import JSON_TYPE, json_bytes

_DOCUMENTS = {("sheets", "v4"): "sheets.v4.json", ("drive", "v3"): "drive.v3.json"}
#: APIs have hosts of their own at Google, where the version is enough.
_BY_VERSION = {"v4": "sheets", "v3": "drive", "": "sheets"}


async def by_version(request: Request) -> Response:
    """``/$discovery/rest?version=v4``: v4 is Sheets, v3 is Drive."""
    version = request.query_params.get("version", "")
    return _answer(request, _BY_VERSION.get(version, ""), version or "v4")


async def by_name(request: Request) -> Response:
    """``/discovery/v1/apis/sheets/v4/rest``"""
    return _answer(request, request.path_params["api"], request.path_params["version"])


async def directory(request: Request) -> Response:
    """``/discovery/v1/apis``: the APIs that there are; ``name`` chooses one."""
    name = request.query_params.get("name")
    items = [_item(request, api, version) for api, version in _DOCUMENTS if name in (None, api)]
    body = {"kind": "discovery#directoryList", "discoveryVersion": "v1", "items": items}
    return Response(json_bytes(body, pretty=True), media_type=JSON_TYPE)


def _item(request: Request, api: str, version: str) -> dict[str, Any]:
    document = load_document(_DOCUMENTS[api, version])
    kept = {name: document[name] for name in ("id", "name", "version", "title", "description", "documentationLink")}
    link = f"{request.base_url}discovery/v1/apis/{api}/{version}/rest"
    return {"kind": "discovery#directoryItem", **kept, "discoveryRestUrl": link, "preferred": True}


def _answer(request: Request, api: str, version: str) -> Response:
    name = _DOCUMENTS.get((api, version))
    if name is None:
        message = f"Discovery document not found for API service: {api} version: {version}"
        error = {"code": 404, "message": message, "status": "NOT_FOUND"}
        return Response(json_bytes({"error": error}, pretty=True), 404, media_type=JSON_TYPE)
    return Response(json_bytes(led_here(load_document(name), str(request.base_url)), pretty=True), media_type=JSON_TYPE)


def led_here(document: Any, root: str) -> dict[str, Any]:
    """A document whose clients call the server at ``root``, an address that ends with a slash."""
    path = document["servicePath"]
    moved = {"rootUrl": root, "mtlsRootUrl": root, "baseUrl": root + path, "servicePath": path}
    return {**document, **moved, "basePath": f"/{path}" if path else ""}
