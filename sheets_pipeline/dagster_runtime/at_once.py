"""The tag of jobs that must not wait. A module of its own, so that definitions can use it without the rest."""

#: A job with this tag set to "true" starts at once when a sensor or schedule asks for it.
AT_ONCE_TAG = "sheets_pipeline/at_once"
