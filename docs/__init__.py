"""The documentation: pages in four parts, how the site is built of them, and the pages that are made from the code."""
