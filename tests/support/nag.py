"""The examples' CDK app under AWS's solution rules and the serverless ones; writes `validation-report.json`."""

import json
import os
from pathlib import Path

from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from cdk_app import app

if __name__ == "__main__":
    checked = app()
    packs = (AwsSolutionsChecks(checked), ServerlessChecks(checked))
    Validations.of(checked).add_plugins(*packs)
    try:
        checked.synth()
    except RuntimeError:  # the templates are written all the same; what was found is read from the report
        report = json.loads((Path(os.environ["CDK_OUTDIR"]) / "validation-report.json").read_text())
        if len(report["pluginReports"]) != len(packs):
            raise
