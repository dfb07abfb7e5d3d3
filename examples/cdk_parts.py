"""What the stacks of all examples share: a Python function packaged without Docker, and an alarm that somebody gets."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import BundlingOptions, Duration, ILocalBundling
from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, IMetric, TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_lambda import Architecture, Code, Function, LoggingFormat, Runtime, Tracing
from aws_cdk.aws_logs import ILogGroup
from aws_cdk.aws_sns import ITopic
from constructs import Construct

TARGET = "--python-platform aarch64-manylinux_2_28 --python-version 3.14 --only-binary :all:"  # not this machine's
OURS = ("stack.py", "scenario.py")  # no part of the function


@jsii.implements(ILocalBundling)
class WithUv:
    """Installs a folder's requirements.txt and puts the folder's modules beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        """Answering False would make CDK ask for Docker, so a failure is raised."""
        wanted = ["--target", output_dir, "--requirements", str(self._folder / "requirements.txt")]
        subprocess.run(["uv", "pip", "install", "--quiet", *TARGET.split(), *wanted], check=True)
        for module in self._folder.glob("*.py"):
            if module.name not in OURS:
                shutil.copy(module, output_dir)
        return True


def python_code(folder: Path) -> Code:
    local: Any = WithUv(folder)
    wanted = ["*", "!*.py", "!requirements.txt", *OURS]
    bundling = BundlingOptions(image=Runtime.PYTHON_3_14.bundling_image, local=local)
    return Code.from_asset(str(folder), exclude=wanted, bundling=bundling)


class PythonFunction(Function):
    """A function of a folder's modules on arm64, traced, with logs in JSON. `timeout` is in seconds."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        folder: Path,
        *,
        handler: str,
        timeout: int,
        log_group: ILogGroup,
        environment: dict[str, str],
        memory_size: int = 512,
        **more: Any,
    ) -> None:
        super().__init__(
            scope,
            name,
            code=python_code(folder),
            handler=handler,
            runtime=Runtime.PYTHON_3_14,
            architecture=Architecture.ARM_64,
            memory_size=memory_size,
            timeout=Duration.seconds(timeout),
            tracing=Tracing.ACTIVE,
            logging_format=LoggingFormat.JSON,
            log_group=log_group,
            environment=environment,
            **more,
        )


def alarm(
    scope: Construct,
    name: str,
    metric: IMetric,
    topic: ITopic,
    *,
    what_to_do: str,
    above: float = 0,
    periods: int = 1,
    comparison_operator: ComparisonOperator = ComparisonOperator.GREATER_THAN_THRESHOLD,
    treat_missing_data: TreatMissingData = TreatMissingData.NOT_BREACHING,
    datapoints: int | None = None,
) -> Alarm:
    """Tell a topic when a metric is over a threshold for so many of its periods, or `datapoints` of them."""
    made = Alarm(
        scope,
        name,
        metric=metric,
        alarm_description=what_to_do,
        threshold=above,
        evaluation_periods=periods,
        datapoints_to_alarm=datapoints,
        comparison_operator=comparison_operator,
        treat_missing_data=treat_missing_data,
    )
    made.add_alarm_action(SnsAction(topic))
    return made
