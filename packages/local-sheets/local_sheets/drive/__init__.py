"""As much of Drive v3 (and of the v2 upload) as clients of Sheets use."""
