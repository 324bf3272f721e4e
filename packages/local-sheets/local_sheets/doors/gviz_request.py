"""What a query by link asks for: the parameters of ``/gviz/tq``, each looked at before it is used.

See https://developers.google.com/chart/interactive/docs/dev/implementing_data_source#request-format
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

HANDLER = "google.visualization.Query.setResponse"
#: Named in the answer, which may be run as a script: a name and nothing else.
_HANDLER = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*", re.ASCII)
_LONGEST_HANDLER = 200
_OUTPUTS = ("json", "csv", "html", "tsv-excel")


class GvizError(Exception):
    """A refusal: a reason of the protocol (``invalid_query``), and what is wrong."""

    def __init__(self, reason: str, detail: str, message: str | None = None) -> None:
        self.reason, self.detail, self.message = reason, detail, message or reason.upper()
        super().__init__(detail)

    def body(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message, "detailed_message": self.detail}


@dataclass(frozen=True, slots=True)
class Asked:
    """How the answer is to look; ``tqx`` of the address."""

    out: str = "json"
    request_id: str = "0"
    handler: str = HANDLER
    signature: str = ""
    file_name: str = ""


def read_tqx(text: str) -> tuple[Asked, GvizError | None]:
    """What ``tqx`` says (``out:csv;reqId:1``); with a refusal where it says something that cannot be."""
    given = dict(part.partition(":")[::2] for part in text.split(";") if part)
    request_id, handler = given.get("reqId", "0"), given.get("responseHandler", HANDLER)
    out = given.get("out", "json")
    wrong = None
    if not re.fullmatch(r"-?[0-9]{1,18}", request_id):
        request_id, wrong = "0", "reqId must be a whole number."
    if len(handler) > _LONGEST_HANDLER or not _HANDLER.fullmatch(handler):
        handler, wrong = HANDLER, "responseHandler must be the name of a function, such as drawChart."
    if out not in _OUTPUTS:
        out, wrong = "json", f"out must be one of {', '.join(_OUTPUTS)}."
    asked = Asked(out, request_id, handler, given.get("sig", ""), given.get("outFileName", ""))
    return asked, None if wrong is None else GvizError("invalid_request", wrong)


def read_whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    """A parameter that is a whole number.

    Raises:
        GvizError: It is something else.
    """
    text = query.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"-?[0-9]{1,10}", text):
        raise GvizError("invalid_request", f"{name} must be a whole number.")
    return int(text)
