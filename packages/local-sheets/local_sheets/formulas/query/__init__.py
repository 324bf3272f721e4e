"""The Query Language of the Visualization API, as QUERY and ``/gviz/tq`` take it.

``run_query(table, text)`` answers a query; ``make_table(rows)`` makes the table of a range's values. The language is
that of https://developers.google.com/chart/interactive/docs/querylanguage.
"""
