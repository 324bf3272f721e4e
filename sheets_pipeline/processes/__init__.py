"""Processes of this machine: servers that outlive their starter, families of them, identity, priority."""
