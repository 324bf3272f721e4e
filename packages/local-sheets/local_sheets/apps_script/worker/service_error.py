"""What a service says to the script that called it."""


class ServiceError(Exception):
    """Thrown in the script as an ``Exception`` with this message."""
