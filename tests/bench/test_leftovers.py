"""A run that ends before its time leaves no process and no folder."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.documents import ROOT
from trials.local_aws import wait_for

CASE = ROOT / "tests" / "bench" / "cases" / "queue-with-delay"


def running(folder: Path) -> list[str]:
    """The processes whose command or environment names the folder."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in listed if str(folder) in line]


@pytest.mark.e2e
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=str)
def test_a_run_that_is_ended_leaves_no_process_and_unless_killed_no_folder(
    tmp_path: Path, stop: signal.Signals
) -> None:
    project = tmp_path / "a project"
    shutil.copytree(CASE, project)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "run.py"), str(project)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    wait_for("a function to run", lambda: list(tmp_path.glob("local-aws-*/ministack-lambda-*")))
    time.sleep(1)

    process.send_signal(stop)
    process.communicate(timeout=30)

    wait_for("its processes to end", lambda: not running(tmp_path), timeout=15)
    if stop is not signal.SIGKILL:
        assert process.returncode in (130, 143, 129)
        assert [path.name for path in tmp_path.glob("local-aws-*")] == []
        assert [path.name for path in tmp_path.glob("lint-*")] == []
