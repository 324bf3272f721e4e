"""How quickly a script hears of an edit: ``python -m local_sheets_tests.apps_script.throughput``.

One person who types now and then, then 50 people who each make an edit a second; for each edit the milliseconds from the
page's request to the arrival of the script's POST at a program of its own. The script reads header and row and signs.
"""

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles

from local_sheets.testing import LocalSheetsServer
from local_sheets.testing_scripts import ScriptOfSpreadsheet
from local_sheets_tests.apps_script.hook import SENDING_SCRIPT, Hook, running_hook

PEOPLE, SECONDS = 50, 20


def main() -> None:
    with running_hook() as hook, LocalSheetsServer() as server:
        script = server.script(server.create_spreadsheet("Throughput"))
        script.set(SENDING_SCRIPT)
        script.run("setup", answers=[f"{hook.url}/hook", "shh-secret"])
        script.paste("Sheet1!A1:C1", [["id", "name", "status"]])
        time.sleep(1)
        alone = _sent(script, hook, people=1, seconds=20, pause=0.5)
        _tell("one person, an edit every 0.5 s", alone, 20)
        many = _sent(script, hook, people=PEOPLE, seconds=SECONDS, pause=1.0)
        _tell(f"{PEOPLE} people, an edit a second each", many, SECONDS)
        ended = [one["processStatus"] for one in script.executions()]
        errors = Counter(one["error"]["message"] for one in script.executions() if one["error"])
        sys.stdout.write(
            f"of the last {len(ended)} executions {ended.count('COMPLETED')} completed; errors: {dict(errors)}\n"
        )


def _sent(script: ScriptOfSpreadsheet, hook: Hook, *, people: int, seconds: int, pause: float) -> list[float]:
    """Milliseconds of each edit that arrived."""
    hook.taken.clear()
    hook.times.clear()
    script.type("Sheet1!C1", "status")  # the session is read once
    begun: dict[str, float] = {}

    def edits(person: int) -> None:
        time.sleep(person * pause / people)
        for number in range(int(seconds / pause)):
            due = time.perf_counter() + pause
            value = f"p{person}n{number}"
            begun[value] = time.perf_counter()
            request = {"valuesUpdate": {"range": f"Sheet1!B{person + 2}", "values": [[value]]}}
            place = {"startRowIndex": person + 1, "endRowIndex": person + 2, "startColumnIndex": 1, "endColumnIndex": 2}
            script.edit(request, sheetId=0, ranges=[place])
            time.sleep(max(0.0, due - time.perf_counter()))

    with ThreadPoolExecutor(people) as threads:
        list(threads.map(edits, range(people)))
    end = time.monotonic() + 30
    while len(hook.taken) < len(begun) + 1 and time.monotonic() < end:
        time.sleep(0.1)
    values = [json.loads(body).get("value") for _, _, _, body in hook.taken]
    return [(at - begun[value]) * 1000 for value, at in zip(values, hook.times, strict=True) if value in begun]


def _tell(what: str, milliseconds: list[float], seconds: int) -> None:
    p95 = quantiles(milliseconds, n=20)[-1]
    sys.stdout.write(
        f"{what}: {len(milliseconds)} arrived ({len(milliseconds) / seconds:.0f}/s), median {median(milliseconds):.0f} ms, "
        f"p95 {p95:.0f} ms, most {max(milliseconds):.0f} ms\n"
    )


if __name__ == "__main__":
    main()
