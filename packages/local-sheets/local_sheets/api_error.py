"""Refusals as Google words them: HTTP code, status, message and details of an error body."""

from typing import Any

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class ApiError(Exception):
    """An answer that is an error. ``prefix`` names the place in the request: ``Invalid requests[0].addSheet: ``."""

    def __init__(self, code: int, message: str, details: list[dict[str, Any]] | None = None) -> None:
        self.code, self.message, self.details = code, message, details
        super().__init__(message)

    def at(self, place: str) -> "ApiError":
        """The same error with the place in the request that it belongs to."""
        return ApiError(self.code, f"Invalid {place}: {self.message}", self.details)

    def body(self) -> dict[str, Any]:
        """The error body that Google sends."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": STATUS_NAMES[self.code]}
        if self.details:
            error["details"] = self.details
        return {"error": error}


def invalid(message: str) -> ApiError:
    """400 INVALID_ARGUMENT."""
    return ApiError(400, message)


def not_found(message: str = "Requested entity was not found.") -> ApiError:
    """404 NOT_FOUND."""
    return ApiError(404, message)


def forbidden(message: str = "The caller does not have permission") -> ApiError:
    """403 PERMISSION_DENIED."""
    return ApiError(403, message)
