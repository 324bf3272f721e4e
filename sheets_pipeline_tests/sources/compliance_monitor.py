"""Watches policies that people keep in spreadsheets: `python compliance_monitor.py policies.yaml`."""

import asyncio
import sys

from sheets_pipeline.sources import AsyncSources


async def monitor(config: str) -> list[str]:
    """Read all sources and say what changed in each since the version before."""
    sources, report = AsyncSources(config), []
    for task in await sources.process():
        if task.state == "failed":
            report.append(f"{task.source}: not read. {task.error}")
        versions = await sources.versions(task.source, limit=2)
        if not task.changed or len(versions) < 2:
            continue
        changed = await sources.diff(task.source, versions[1].content_hash, versions[0].content_hash)
        for change in await asyncio.to_thread(list, changed.changes()):
            cells = ", ".join(f"{cell.column}: {cell.before} → {cell.after}" for cell in change.cells)
            report.append(f"{task.source}: {change.kind} {change.row[0]} {cells}".rstrip())
    return report


if __name__ == "__main__":
    sys.stdout.write("\n".join(asyncio.run(monitor(sys.argv[1]))) or "No policy has changed.\n")
