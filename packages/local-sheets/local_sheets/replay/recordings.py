"""Reads recordings of the usual tools.

YAML and JSON of VCR.py, betamax (Python's and Java's), VCR of Ruby, R and PHP, go-vcr, EasyVCR and ``responses``; nock, WireMock, Google's
httpreplay for Go; HAR files of browsers, proxies and Polly.js; exchanges of Perl's Google::RestApi.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import yaml

from local_sheets.replay.exchange import Exchange, Recording, unpacked

_EXCHANGES = ".exchanges"
_SUFFIXES = (".json", ".yaml", ".yml", ".har", ".replay", _EXCHANGES)


#: The one in C is many times quicker, where PyYAML has it.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """Reads what VCR.py writes in Python 2, too; nothing is made but texts, numbers, lists and mappings."""


def _any_tag(loader: _Loader, _: str, node: yaml.Node) -> Any:
    """What stands behind a tag of a language, as if there were none."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", _any_tag)
_Loader.add_multi_constructor("!", _any_tag)
_Loader.add_constructor("!binary", yaml.SafeLoader.construct_yaml_binary)


class _TextLoader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """Reads what Perl writes, which has no truth values: ``yes`` and ``true`` are texts."""


_TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def find_recordings(place: Path) -> tuple[list[Recording], list[Path]]:
    """The recordings in a folder and below it (or one file), and the files that are none."""
    paths = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.suffix.lower() in _SUFFIXES)
    found, others = [], []
    for path in paths:
        exchanges = exchanges_of(load(path))
        if exchanges is None:
            others.append(path)
        else:
            found.append(Recording(path, tuple(exchanges)))
    return found, others


def load(path: Path) -> Any:
    """What a file holds, None when it can be read neither as JSON nor as YAML."""
    content = path.read_bytes()
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        if path.suffix.lower() == _EXCHANGES:
            return [one for one in yaml.load_all(content, _TextLoader) if one]
        return yaml.load(content, _Loader)  # noqa: S506 -- a SafeLoader that takes some tags for texts
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


def exchanges_of(document: Any) -> list[Exchange] | None:
    """The exchanges of a document, None when it is no recording of a form that is known."""
    try:
        if isinstance(document, list):
            return _of_list(document)
        if not isinstance(document, dict):
            return None
        if isinstance(document.get("Entries"), list):
            return [_of_httpreplay(one) for one in document["Entries"]]
        if isinstance(document.get("responses"), list):
            return [_of_responses(one["response"]) for one in document["responses"]]
        for name in ("interactions", "http_interactions"):
            if isinstance(document.get(name), list):
                return [_of_vcr(one) for one in document[name]]
        if isinstance(document.get("log"), dict):
            return [_of_har(one) for one in document["log"]["entries"]]
        mappings = document.get("mappings", [document])
        if mappings and all("request" in one and "response" in one for one in mappings):
            return [_of_wiremock(one) for one in mappings]
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    return None


def _of_list(document: list[Any]) -> list[Exchange] | None:
    """nock's, PHP's, Perl's and EasyVCR's recordings are lists; the last writes names with capitals."""
    first = document[0] if document else None
    if not isinstance(first, dict):
        return None
    if isinstance(first.get("request"), str):
        return [_of_perl(one) for one in document]
    if {"method", "path", "status"} <= first.keys():
        return [_of_nock(one) for one in document]
    if {"request", "response"} <= first.keys():
        return [_of_vcr(one) for one in document]
    if {"Request", "Response"} <= first.keys():
        return [_of_vcr(_in_small_letters(one)) for one in document]
    return None


def _in_small_letters(one: Mapping[str, Any]) -> dict[str, Any]:
    return {k.lower(): _in_small_letters(v) if isinstance(v, Mapping) else v for k, v in one.items()}


def _of_perl(one: Mapping[str, Any]) -> Exchange:
    """Verb and path stand in one text, what is asked and sent beside it."""
    verb, _, path = one["request"].partition(" ")
    query = urlencode(one.get("query_params") or {}, doseq=True)
    host = "sheets.googleapis.com" if path.startswith("/v4/") else "www.googleapis.com"
    url = f"https://{host}{quote(path, safe='/:')}{'?' + query if query else ''}"
    body, response = one.get("request_content"), one["response"]
    answer = _bytes(response.get("content"))
    return Exchange(verb, url, {}, b"" if body is None else _bytes(body), int(response["code"]), answer)


def _of_httpreplay(one: Mapping[str, Any]) -> Exchange:
    """Bodies are in base64, a request's in parts."""
    request, response = one["Request"], one["Response"]
    body = b"".join(_unbase64(part) for part in request.get("BodyParts") or ())
    answer = unpacked(_unbase64(response.get("Body") or ""))
    headers = _headers({"content-type": request.get("MediaType") or "application/json"})
    return Exchange(request["Method"], request["URL"], headers, body, int(response["StatusCode"]), answer)


def _of_responses(one: Mapping[str, Any]) -> Exchange:
    """``responses`` keeps no bodies of requests: only those that need none can be played."""
    return Exchange(one["method"].upper(), one["url"], {}, b"", int(one["status"]), _bytes(one.get("body")))


def _of_vcr(one: Mapping[str, Any]) -> Exchange:
    """VCR.py, betamax and Ruby's VCR have ``uri`` and a status with a code; go-vcr has ``url`` and ``code``."""
    request, response = one["request"], one["response"]
    status = response.get("status")
    code = response.get("code") or (status.get("code") if isinstance(status, dict) else status)
    body = _bytes(request.get("body"))
    if not body and request.get("form"):
        body = urlencode(request["form"], doseq=True).encode()
    return Exchange(
        str(request["method"]).upper(),
        request.get("uri") or request["url"],
        _headers(request.get("headers") or request.get("requestheaders")),
        body,
        int(str(code or 0).split()[0]),
        _bytes(response.get("body")),
    )


def _of_har(one: Mapping[str, Any]) -> Exchange:
    request, response = one["request"], one["response"]
    content = response.get("content", {})
    answer = _bytes(content.get("text"))
    if content.get("encoding") == "base64":
        answer = unpacked(base64.b64decode(answer))
    headers = {header["name"]: header["value"] for header in request.get("headers", ())}
    body = _bytes((request.get("postData") or {}).get("text"))
    return Exchange(request["method"].upper(), request["url"], _headers(headers), body, int(response["status"]), answer)


def _of_nock(one: Mapping[str, Any]) -> Exchange:
    """The scope is the host; a body is JSON, a text, or packed parts in hexadecimal digits."""
    scope = one.get("scope", "https://sheets.googleapis.com:443").removesuffix(":443")
    headers = _headers(one.get("reqheaders"))
    body, answer = _nock_body(one.get("body", "")), _nock_body(one.get("response", ""))
    return Exchange(one["method"].upper(), scope + one["path"], headers, body, int(one["status"]), answer)


def _nock_body(found: Any) -> bytes:
    if isinstance(found, str):
        return _unhex([found]) or found.encode()
    if isinstance(found, list) and found and all(isinstance(part, str) for part in found):
        return _unhex(found) or orjson.dumps(found)
    return orjson.dumps(found)


def _unhex(parts: Iterable[str]) -> bytes:
    """The body that packed parts make, empty when they are none."""
    try:
        packed = bytes.fromhex("".join(parts))
    except ValueError:
        return b""
    found = unpacked(packed)
    return found if found != packed else b""


def _of_wiremock(one: Mapping[str, Any]) -> Exchange:
    request, response = one["request"], one["response"]
    path = request.get("url") or request.get("urlPath") or request["urlPathPattern"]
    query = {name: rule.get("equalTo", "") for name, rule in request.get("queryParameters", {}).items()}
    patterns = request.get("bodyPatterns") or [{}]
    body = patterns[0].get("equalToJson") or patterns[0].get("equalTo") or b""
    answer = response.get("body", response.get("jsonBody", b""))
    if "base64Body" in response:
        answer = unpacked(base64.b64decode(response["base64Body"]))
    host = "https://www.googleapis.com" if "/drive/" in path else "https://sheets.googleapis.com"
    url = f"{host}{path}{'?' + urlencode(query) if query else ''}"
    return Exchange(request["method"].upper(), url, {}, _bytes(body), int(response.get("status", 200)), _bytes(answer))


def _bytes(found: Any) -> bytes:
    """A body in any of the ways in which it is written down."""
    if found is None:
        return b""
    if isinstance(found, Mapping) and found.keys() & {"string", "base64_string", "encoding"}:
        if "base64_string" in found:
            return unpacked(_unbase64(found["base64_string"]))
        return _bytes(found.get("string"))
    if isinstance(found, bytes):
        return unpacked(found)
    return found.encode() if isinstance(found, str) else orjson.dumps(found)


def _unbase64(text: str | bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def _headers(found: Any) -> dict[str, str]:
    """Names in small letters; of several values the first."""
    return {str(name).lower(): value for name, value in _header_pairs(found or {})}


def _header_pairs(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str | bytes):
            yield name, first.decode("latin-1") if isinstance(first, bytes) else first
