"""A stand-alone server that speaks the Google Sheets v4 REST API."""
