"""The table ``pending_event``; who may do what with it and how it is cleaned is no matter of versions (``queue_tables``)."""
