"""Telling a run worker from another process with the same number."""

import os
import subprocess
import sys
from dataclasses import replace

from sheets_pipeline.processes.identity import WorkerIdentity, start_of


def test_this_process_is_alive_and_survives_the_way_through_a_tag():
    me = WorkerIdentity.of_this_process()
    assert me.pid == os.getpid()
    assert WorkerIdentity.from_tag(me.as_tag()) == me
    assert me.is_alive()
    assert me.is_on_this_host


def test_a_later_process_with_the_same_number_is_another_one():
    earlier = replace(WorkerIdentity.of_this_process(), start="an earlier start")
    assert not earlier.is_alive()
    assert not earlier.interrupt()
    assert not earlier.kill()


def test_a_process_that_waits_to_be_reaped_is_not_alive():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = WorkerIdentity(child.pid, start_of(child.pid) or "", "here")
    assert identity.is_alive()
    assert not identity.is_on_this_host
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not identity.is_alive()
    child.communicate()


def test_a_run_without_the_tag_has_no_known_worker():
    assert WorkerIdentity.from_tag(None) is None
