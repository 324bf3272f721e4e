"""Apps Script: a script per spreadsheet, run unchanged in an embedded JavaScript engine, with triggers as Google fires them."""
