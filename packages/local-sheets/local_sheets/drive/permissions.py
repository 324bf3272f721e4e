"""Who may do what with a file, and Drive's ``permissions`` methods.

See https://developers.google.com/workspace/drive/api/reference/rest/v3/permissions
"""

from collections.abc import Iterable, Mapping
from typing import Any

from local_sheets.drive.errors import DriveError, bad_request, permission_not_found
from local_sheets.model.transaction import Transaction
from local_sheets.sharing import permission_id

#: From least to most.
ROLES = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
TYPES = ("user", "group", "domain", "anyone")

Permission = Mapping[str, Any]


def role_of(permissions: Iterable[Permission], caller: str | None) -> str | None:
    """The best role of a caller; where nobody has to show who they are (None) all are owners."""
    if caller is None:
        return "owner"
    best = -1
    for permission in permissions:
        if fits(permission, caller) and permission["role"] in ROLES:
            best = max(best, ROLES.index(permission["role"]))
    return ROLES[best] if best >= 0 else None


def fits(permission: Permission, caller: str) -> bool:
    """Whether a permission is the caller's."""
    kind = permission.get("type")
    if kind == "anyone":
        return True
    if kind == "domain":
        return caller.rpartition("@")[2].casefold() == str(permission.get("domain", "")).casefold()
    return str(permission.get("emailAddress", "")).casefold() == caller.casefold()


def is_listed_for(permissions: Iterable[Permission], caller: str | None) -> bool:
    """Whether a file shows in the caller's lists: those open to anyone are only found by their id."""
    return caller is None or any(p.get("type") != "anyone" and fits(p, caller) for p in permissions)


def may(role: str | None, needed: str) -> bool:
    """Whether a role reaches as far as another."""
    return role is not None and ROLES.index(role) >= ROLES.index(needed)


def permission_resource(permission: Permission) -> dict[str, Any]:
    """The API's ``Permission`` with all that we know of it."""
    found: dict[str, Any] = {"kind": "drive#permission", **permission}
    kind = permission["type"]
    if kind in ("user", "group"):
        found.setdefault("displayName", str(permission.get("emailAddress", "")).partition("@")[0])
        found |= {"deleted": False, "pendingOwner": False}
    elif kind == "domain":
        found.setdefault("displayName", permission.get("domain", ""))
        found.setdefault("allowFileDiscovery", False)
    else:
        found.setdefault("allowFileDiscovery", False)
    return found


def create(tx: Transaction, body: Mapping[str, Any]) -> dict[str, Any]:
    """permissions.create: the same person's permission is replaced.

    Raises:
        DriveError: 400, type, role or address are missing or unknown.
    """
    kind, role = body.get("type"), body.get("role")
    if kind not in TYPES:
        raise bad_request("The permission type field is required." if not kind else f"Invalid permission type {kind}.")
    if role not in ROLES:
        raise bad_request("The permission role field is required." if not role else f"Invalid permission role {role}.")
    name = {"user": "emailAddress", "group": "emailAddress", "domain": "domain"}.get(str(kind))
    address = str(body.get(name) or "") if name else ""
    if name and not address:
        raise bad_request(f"The {name} field is required for permissions of type {kind}.")
    added = {"id": permission_id(str(kind), address), "type": kind, "role": role}
    if name:
        added[name] = address
    if "allowFileDiscovery" in body:
        added["allowFileDiscovery"] = bool(body["allowFileDiscovery"])
    listed = tx.spreadsheet.permissions
    if role == "owner":
        _lower_owners(listed, added["id"])
    place = next((index for index, known in enumerate(listed) if known["id"] == added["id"]), None)
    if place is None:
        listed.append(added)
    elif listed[place]["role"] != "owner":
        listed[place] = added
    return added


def _lower_owners(listed: list[dict[str, Any]], new_owner: str) -> None:
    """There is one owner: who was it stays as a writer."""
    for known in listed:
        if known["role"] == "owner" and known["id"] != new_owner:
            known["role"] = "writer"


def find(permissions: Iterable[dict[str, Any]], key: str) -> dict[str, Any]:
    """The permission with an id.

    Raises:
        DriveError: 404, there is none.
    """
    found = next((known for known in permissions if known["id"] == key), None)
    if found is None:
        raise permission_not_found(key)
    return found


def update(tx: Transaction, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """permissions.update: another role.

    Raises:
        DriveError: 404 for an unknown id, 400 for an unknown role.
    """
    known, role = find(tx.spreadsheet.permissions, key), body.get("role")
    if role not in ROLES:
        raise bad_request("The permission role field is required.")
    if role == "owner":
        _lower_owners(tx.spreadsheet.permissions, key)
    known["role"] = role
    return known


def delete(tx: Transaction, key: str) -> None:
    """permissions.delete

    Raises:
        DriveError: 404 for an unknown id, 403 for the owner's.
    """
    known = find(tx.spreadsheet.permissions, key)
    if known["role"] == "owner":
        raise DriveError(403, "The owner of a file cannot be removed.", "cannotRemoveOwner")
    tx.spreadsheet.permissions.remove(known)
