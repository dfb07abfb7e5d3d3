"""Where a project lies, and what its functions leave outside their folder, changes nothing of what is said of it."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from support.documents import ROOT
from trials.local_aws import namespace
from trials.local_aws.scratch import Beside, Private, scratch

SYSTEM = ROOT / "tests" / "bench" / "right" / "called_directly"
LEFT = f"left-by-a-function-{os.getpid()}"
RUN = [sys.executable, str(ROOT / "examples" / "run.py")]


def contents(folder: Path) -> dict[str, int]:
    """Each file below a folder, and when it was written."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


def read_only(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.mark.e2e
def test_a_project_in_a_read_only_folder_called_4_below_one_with_spaces_is_tried_twice_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "projects of mine" / "4"
    shutil.copytree(SYSTEM, folder)
    read_only(folder)
    before = contents(folder)
    (temporary := tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}

    runs = [
        subprocess.Popen([*RUN, str(folder), "--json"], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    told = [json.loads(run.communicate(timeout=300)[0]) for run in runs]

    assert [each["error"] for each in told] == ["", ""]
    assert [[source["status"] for source in each["sources"]] for each in told] == [["delivered"], ["delivered"]]
    assert [run.returncode for run in runs] == [0, 0]
    assert contents(folder) == before
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("uv-")] == []  # its lock


def leave_a_file(home: Path, project: Path) -> None:
    """In a process of its own: what a worker and then a function do."""
    namespace.enter()
    temporary = scratch(home, [home, project, ROOT, Path(sys.prefix)])
    mounts = []
    for _ in range(8):
        assert not (temporary.folder / LEFT).exists()
        (temporary.folder / LEFT).write_text("")
        assert (project / "template.yaml").read_text()
        assert (ROOT / "uv.lock").exists()
        (home / "log").write_text("of the local AWS")
        temporary.renew()
        mounts.append(len(Path("/proc/self/mountinfo").read_text().splitlines()) if namespace.inside() else 0)
    assert len({after - before for before, after in pairwise(mounts)}) == 1, f"each trial adds more mounts: {mounts}"


def test_what_a_function_leaves_among_temporary_files_is_gone_for_the_next_trial_and_never_on_the_machine(
    tmp_path: Path,
) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    (project / "template.yaml").write_text("Resources: {}")

    process = multiprocessing.get_context("fork").Process(target=leave_a_file, args=(home, project))
    process.start()
    process.join(timeout=60)

    assert process.exitcode == 0
    assert not (Path("/tmp") / LEFT).exists()  # noqa: S108
    assert (home / "log").exists()
    shutil.rmtree(home)
    assert (project / "template.yaml").exists()


def test_a_project_that_is_the_folder_of_temporary_files_itself_stays_in_sight(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="itself is needed"):
        Private(tmp_path, [tmp_path, Path("/tmp")])  # noqa: S108
    assert isinstance(scratch(tmp_path, [tmp_path, Path("/tmp")]), Beside)  # noqa: S108


def test_nothing_is_mounted_where_the_machine_would_see_it(tmp_path: Path) -> None:
    assert isinstance(scratch(tmp_path, [tmp_path]), Beside)
    with pytest.raises(ValueError, match="no mount namespace"):
        Private(tmp_path, [tmp_path])
