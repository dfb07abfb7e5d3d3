"""The stacks of all examples as one CDK app: `npx cdk deploy QueueWorker` in this folder deploys one."""

import importlib
from pathlib import Path

from aws_cdk import App


def app() -> App:
    """One stack for each folder with a stack.py, called as the folder is: `queue_worker` has `QueueWorker`."""
    made = App()
    for path in sorted(Path(__file__).resolve().parent.glob("*/stack.py")):
        name = path.parent.name.title().replace("_", "")
        getattr(importlib.import_module(f"{path.parent.name}.stack"), name)(made, name)
    return made


if __name__ == "__main__":
    app().synth()
