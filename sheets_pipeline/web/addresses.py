"""Which addresses are this machine, and that nothing else may be listened to without a token."""

import ipaddress

from sheets_pipeline.errors import SettingsError
from sheets_pipeline.settings import Settings


def is_address(host: str) -> bool:
    """Whether this is an IP address, not a name."""
    return _address(host) is not None


def is_loopback(host: str) -> bool:
    """Whether a peer's address, or a Host header's name, is this machine."""
    if host.rstrip(".").lower() == "localhost":
        return True
    address = _address(host)
    return address is not None and bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def check_reachable_safely(settings: Settings, host: str) -> None:
    """Refuse to listen for other machines without a token.

    Raises:
        SettingsError: Says how to have it either way.
    """
    if settings.control_api_token is None and not is_loopback(host):
        raise SettingsError(
            f"CONTROL_API_HOST is {host!r}, which other machines reach, and CONTROL_API_TOKEN is not set. "
            "Set a token, or use 127.0.0.1."
        )
