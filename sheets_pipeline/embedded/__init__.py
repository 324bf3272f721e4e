"""The embedded default: PostgreSQL, Local Sheets and ``dev``; what runs where no settings name anything else."""
