"""A clock of the functions that can be moved: for Python by time-machine, for Node.js by a preload."""

import shutil
import time
from importlib.util import find_spec
from pathlib import Path

from trials.local_aws.environment import ENVIRONMENT
from trials.moment import AHEAD

# On the path of the servers and so of every function; each environment reads the clock when it starts.
LATER = '''

def move_clock():
    """Let this environment live as many seconds later as the file says."""
    import os

    if "_LAMBDA_TIMEOUT" not in os.environ or not os.path.exists(os.environ.get("TRIALS_CLOCK", "")):
        return
    import time

    import time_machine

    with open(os.environ["TRIALS_CLOCK"]) as file:
        time_machine.travel(time.time() + float(file.read()), tick=True).start()


move_clock()
'''


def moves_for_python(guard: Path) -> bool:
    """Put time-machine on the functions' path; False where it is not installed, or for another Python."""
    package, compiled = find_spec("time_machine"), find_spec("_time_machine")
    if not package or not compiled or not package.origin or not compiled.origin:
        return False
    version = Path(compiled.origin).parents[1].name
    if not (ENVIRONMENT / "lib" / version).is_dir():
        return False
    shutil.copytree(Path(package.origin).parent, guard / "time_machine", dirs_exist_ok=True)
    shutil.copy2(compiled.origin, guard)
    return True


def move(clock: Path, seconds: float) -> None:
    """Let environments that start from now on live so many seconds after the moment of the run."""
    clock.write_text(str(AHEAD + seconds))


def put_back(clock: Path) -> None:
    """To the moment of the run, which is now where nothing else was asked for."""
    clock.unlink(missing_ok=True)
    if AHEAD:
        move(clock, 0)


def now(clock: Path) -> float:
    """The time by a clock that was moved, or was not."""
    return time.time() + (float(clock.read_text()) if clock.exists() else AHEAD)
