"""Refusals as Drive words them: ``errors`` with domain and reason, and no ``status``.

See https://developers.google.com/workspace/drive/api/guides/handle-errors
"""

from typing import Any


class DriveError(Exception):
    """An answer that is an error. ``location`` is the parameter that is to blame."""

    def __init__(
        self, code: int, message: str, reason: str, location: str | None = None, location_type: str = "parameter"
    ) -> None:
        self.code, self.message, self.reason = code, message, reason
        self.location, self.location_type = location, location_type
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        """The error body that Google sends."""
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location is not None:
            error |= {"location": self.location, "locationType": self.location_type}
        return {"error": {"code": self.code, "message": self.message, "errors": [error]}}


def file_not_found(file_id: str) -> DriveError:
    """404; also for a file that is there and not shared with the caller."""
    return DriveError(404, f"File not found: {file_id}.", "notFound", "fileId")


def permission_not_found(permission_id: str) -> DriveError:
    """404 for a permission."""
    return DriveError(404, f"Permission not found: {permission_id}.", "notFound", "permissionId")


def not_allowed() -> DriveError:
    """403: the caller may see the file but not do this."""
    message = "The user does not have sufficient permissions for this file."
    return DriveError(403, message, "insufficientFilePermissions")


def invalid_value(location: str, message: str = "Invalid Value") -> DriveError:
    """400 for a parameter."""
    return DriveError(400, message, "invalid", location)


def bad_request(message: str) -> DriveError:
    """400 for what is in the body, or asked for and not to be had."""
    return DriveError(400, message, "badRequest")
