"""How Dagster takes the folder ``tabs``: as one component, so that one module that cannot be imported stops no other."""

import dagster as dg

from sheets_pipeline.components.tab_asset import tab_assets, table_specs


class TabFolder(dg.Component):
    """The tabs that the modules of the folder declare, the broken ones as assets that say why they are."""

    def build_defs(self, _context: dg.ComponentLoadContext) -> dg.Definitions:
        """One asset per declared tab, and one that others fill per table that they watch."""
        tabs = tab_assets().values()
        return dg.Definitions(assets=[*(tab_asset.asset for tab_asset in tabs), *table_specs(tabs)])
