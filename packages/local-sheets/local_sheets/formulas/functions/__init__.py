"""The functions of formulas, one module per family; ``catalog`` knows them all."""
