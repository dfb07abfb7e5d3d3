"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("durable_workflow", "one payout for each",
          (("start.py", '"DurableExecutionName": loan.loan_id, ', ""),)),
    Break("durable_workflow", "the first counts",
          (("decide.py", '        return {"counted": False}\n', "        pass\n"),)),
    Break("durable_workflow", "never more than 2", (("workflow.py", "MapConfig(max_concurrency=2)", "MapConfig()"),)),
    Break("durable_workflow", "asked again until it is there",
          (("workflow.py", '"score", patient', '"score", once'),)),
    Break("durable_workflow", "a conflict, and nothing starts",
          (("start.py", '        raise LoanConflict(f"{loan.loan_id} is another loan") from None', "        pass"),)),
    Break("durable_workflow", "what is read then decides",
          (("workflow.py", 'loan), "withdrawn", patient)["withdrawn"]:', 'loan), "withdrawn", patient) is None:'),)),
    Break("durable_workflow", "not paid again, and somebody is told",
          (("workflow.py", '"payout", once', '"payout", patient'),)),
    Break("durable_workflow", "each ends in the version that began it",
          (("template.yaml", "WORKFLOW: !Ref WorkflowAliaslive", "WORKFLOW: !Sub '${Workflow.Arn}:$LATEST'"),
           ("template.yaml", "lambda:InvokeFunction, Resource: !Ref WorkflowAliaslive",
            "lambda:InvokeFunction, Resource: !Sub '${Workflow.Arn}:*'"))),
    Break("durable_workflow", "it expires in time, unpaid",
          (("workflow.py", "WaitForCallbackConfig(APPROVAL, retry", "WaitForCallbackConfig(retry"),)),
)  # fmt: skip
