"""Tests of the page: what the browser is given, what it shows, what people can do with it."""
