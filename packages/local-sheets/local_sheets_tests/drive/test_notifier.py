"""Tests of packages/local-sheets/local_sheets/drive/notifier.py and channels.py: channels over HTTP, and what is told."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local_sheets.drive import notifier as notifying
from local_sheets_tests.drive.test_changes import CHANGES
from local_sheets_tests.drive.test_service import ANN, BOB, FOLDER_TYPE, fill, made

CHECKED_AGAINST = ("reference https://developers.google.com/workspace/drive/api/guides/push",)


@pytest.fixture(scope="module")
def post_box():
    """A receiver; what it took by path, and the statuses that it answers first by path."""
    taken: dict = {}
    answers: dict = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.setdefault(self.path, []).append(dict(self.headers))
            self.send_response((answers.get(self.path) or [200]).pop(0))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken, answers
    server.shutdown()
    server.server_close()
    thread.join()


class Watcher:
    """Makes channels and waits for what they are told."""

    def __init__(self, drive, post_box, name):
        self.drive, self.name = drive, name
        self.address, self.taken, self.answers = post_box

    def watch(self, path, caller=None, body=None, **query):
        given = {
            "id": self.name,
            "type": "web_hook",
            "address": f"{self.address}/{self.name}",
            "token": "t1",
            **(body or {}),
        }
        return self.drive("POST", path, given, caller, **query)

    def states(self, count):
        """States and changed parts of the messages, as soon as there are so many."""
        end = time.monotonic() + 30
        while len(self.messages()) < count and time.monotonic() < end:
            time.sleep(0.005)
        return [(m["X-Goog-Resource-State"], m.get("X-Goog-Changed")) for m in self.messages()]

    def messages(self):
        return self.taken.get(f"/{self.name}", [])


@pytest.fixture
def watcher(drive, post_box, request):
    return Watcher(drive, post_box, request.node.name.replace("[", "-").rstrip("]")[:60])


def test_a_channel_is_told_of_changes_of_a_file_several_in_one(drive, service, engine, watcher):
    file_id = made(drive)
    channel = watcher.watch(f"/drive/v3/files/{file_id}/watch").message
    assert set(channel) == {"kind", "id", "resourceId", "resourceUri", "token", "expiration"}
    assert channel["resourceUri"].startswith(f"https://www.googleapis.com/drive/v3/files/{file_id}?")
    assert 3500 < int(channel["expiration"]) / 1000 - time.time() <= 3600
    watcher.states(1)
    service.notifier.after_seconds = 60
    for value in ("a", "b", "c"):
        fill(engine, file_id, [[value]])
    drive("PATCH", f"/drive/v3/files/{file_id}", {"name": "Other"})
    service.notifier.deliver_now()
    assert watcher.states(2) == [("sync", None), ("update", "content,properties")]
    sync, update = watcher.messages()
    assert (sync["X-Goog-Message-Number"], int(update["X-Goog-Message-Number"]) > 1) == ("1", True)
    assert update["X-Goog-Channel-ID"] == watcher.name
    assert update["X-Goog-Channel-Token"] == "t1"
    assert update["X-Goog-Resource-ID"] == channel["resourceId"]
    assert update["X-Goog-Resource-URI"] == channel["resourceUri"]
    assert update["X-Goog-Channel-Expiration"].endswith(" GMT")
    assert update["Content-Length"] == "0"


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([{"trashed": True}, {"trashed": False}], [("trash", None), ("untrash", None)]),
        ([{"trashed": True}, "delete"], [("trash", None), ("remove", None)]),
        (["share"], [("update", "permissions")]),
        ([{"starred": True}], [("update", "properties")]),
        ([{"description": "x"}, "share"], [("update", "properties,permissions")]),
    ],
)
def test_what_happened_is_told(drive, service, watcher, steps, told):
    file_id = made(drive, caller=ANN)
    path = f"/drive/v3/files/{file_id}"
    watcher.watch(f"{path}/watch", ANN)
    watcher.states(1)
    service.notifier.after_seconds = 60
    for step in steps:
        if step == "delete":
            drive("DELETE", path, caller=ANN)
        elif step == "share":
            drive("POST", f"{path}/permissions", {"type": "user", "role": "reader", "emailAddress": BOB}, ANN)
        else:
            drive("PATCH", path, step, ANN)
    service.notifier.deliver_now()
    assert watcher.states(1 + len(told))[1:] == told


def test_a_folder_is_told_of_its_children_and_the_list_of_all(drive, watcher, post_box):
    folder = drive("POST", "/drive/v3/files", {"name": "Plans", "mimeType": FOLDER_TYPE}, ANN).message["id"]
    of_all = Watcher(drive, post_box, "all-changes")
    of_bob = Watcher(drive, post_box, "changes-of-bob")
    watcher.watch(f"/drive/v3/files/{folder}/watch", ANN)
    of_all.watch(f"{CHANGES}/watch", ANN, pageToken="1")
    of_bob.watch(f"{CHANGES}/watch", BOB, pageToken="1")
    for one in (watcher, of_all, of_bob):
        one.states(1)
    made(drive, caller=ANN, parents=[folder])
    assert watcher.states(2)[1:] == [("update", "children")]
    assert of_all.states(2)[1:] == [("change", None)]
    assert of_bob.states(1) == [("sync", None)]


def test_a_stopped_channel_is_told_nothing(drive, engine, watcher):
    file_id = made(drive, caller=ANN)
    channel = watcher.watch(f"/drive/v3/files/{file_id}/watch", ANN).message
    watcher.states(1)
    stop = {"id": channel["id"], "resourceId": channel["resourceId"]}
    for wrong, caller in (({**stop, "resourceId": "other"}, ANN), ({**stop, "id": "other"}, ANN), (stop, BOB)):
        answer = drive("POST", "/drive/v3/channels/stop", wrong, caller)
        assert (answer.status, answer.message["error"]["errors"][0]["reason"]) == (404, "notFound")
    assert drive("POST", "/drive/v3/channels/stop", stop, ANN).status == 204
    assert drive("POST", "/drive/v3/channels/stop", stop, ANN).status == 404
    fill(engine, file_id, [["x"]])
    time.sleep(0.1)
    assert watcher.states(1) == [("sync", None)]


def test_a_message_is_sent_again_after_a_server_error_and_not_after_another(drive, engine, watcher, monkeypatch):
    monkeypatch.setattr(notifying, "RETRY_SECONDS", (0.01, 0.01))
    file_id = made(drive)
    watcher.answers[f"/{watcher.name}"] = [200, 503, 500, 200, 404]
    watcher.watch(f"/drive/v3/files/{file_id}/watch")
    watcher.states(1)
    fill(engine, file_id, [["x"]])
    assert [state for state, _ in watcher.states(4)] == ["sync", "update", "update", "update"]
    fill(engine, file_id, [["y"]])
    watcher.states(5)
    time.sleep(0.05)
    assert len(watcher.messages()) == 5


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"id": ""}, "required"),
        ({"id": "x" * 65}, "badRequest"),
        ({"type": "email"}, "badRequest"),
        ({"type": ""}, "required"),
        ({"address": "http://example.com/hook"}, "push.webhookUrlNotHttps"),
        ({"address": "http://10.0.0.1/hook"}, "push.webhookUrlNotHttps"),
        ({"address": "somewhere"}, "badRequest"),
        ({"token": "x" * 257}, "badRequest"),
        ({"token": "a\r\nX-Other: b"}, "badRequest"),
        ({"expiration": "1000"}, "badRequest"),
        ({"expiration": "tomorrow"}, "badRequest"),
        ({"id": "taken"}, "channelIdNotUnique"),
    ],
)
def test_a_channel_that_cannot_be_is_refused(drive, watcher, body, reason):
    file_id = made(drive)
    watcher.watch(f"/drive/v3/files/{file_id}/watch", body={"id": "taken"})
    answer = watcher.watch(f"/drive/v3/files/{file_id}/watch", body=body)
    assert (answer.status, answer.message["error"]["errors"][0]["reason"]) == (400, reason)


def test_many_channels_are_told_each_with_its_own_token(drive, engine, post_box, watcher):
    file_id = made(drive)
    count = notifying._MOST_AT_ONCE * 2
    channels = [Watcher(drive, post_box, f"many-{number}") for number in range(count)]
    for number, channel in enumerate(channels):
        channel.watch(f"/drive/v3/files/{file_id}/watch", body={"token": f"größe {number}"})
    fill(engine, file_id, [["x"]])
    for number, channel in enumerate(channels):
        assert [state for state, _ in channel.states(2)] == ["sync", "update"]
        token = channel.messages()[1]["X-Goog-Channel-Token"]
        assert token.encode("latin-1").decode() == f"größe {number}"


@pytest.mark.parametrize(("path", "most"), [("files/{}/watch", 86_400), (f"{CHANGES[10:]}/watch", 604_800)])
def test_a_channel_lasts_as_long_as_google_lets_it(drive, watcher, path, most):
    file_id = made(drive)
    body = {"expiration": int((time.time() + 10**7) * 1000), "address": "http://localhost:1/"}
    answer = watcher.watch(f"/drive/v3/{path.format(file_id)}", body=body, pageToken="1")
    assert most - 60 < int(answer.message["expiration"]) / 1000 - time.time() <= most


def test_channels_of_files_that_cannot_be_seen_are_refused(drive, watcher):
    file_id = made(drive, caller=ANN)
    assert watcher.watch(f"/drive/v3/files/{file_id}/watch", BOB).status == 404
    assert watcher.watch(f"{CHANGES}/watch").message["error"]["errors"][0]["location"] == "pageToken"


def test_channels_live_on_after_a_restart_and_delays_and_losses_can_be_ordered(new_local_sheets, post_box):
    server = new_local_sheets(options=("--notify-after=60",))
    address, taken, _ = post_box
    file_id = server.create_spreadsheet()
    body = {"id": "over-http", "type": "web_hook", "address": f"{address}/over-http"}
    server.call("POST", f"/drive/v3/files/{file_id}/watch", body)
    server.wait_until(lambda: len(taken.get("/over-http", [])) == 1)

    def write(value):
        path = f"/v4/spreadsheets/{file_id}/values/A1?valueInputOption=RAW"
        server.call("PUT", path, {"values": [[value]]})

    server.restart()
    write("late")
    assert [m["headers"]["X-Goog-Resource-State"] for m in server.notifications()["waiting"]] == ["update"]
    server.deliver_notifications()
    server.wait_until(lambda: len(taken["/over-http"]) == 2)
    server.faults(action="error", method="notification.post")
    assert server.notifications(after_seconds=0)["afterSeconds"] == 0
    write("lost")
    server.wait_until(lambda: [m["status"] for m in server.notifications()["sent"]] == [200, -1])
    write("at once")
    server.wait_until(lambda: len(taken["/over-http"]) == 3)
