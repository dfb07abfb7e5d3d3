"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import GIVEN_UP, LOST, MACHINE, TEMPLATE, Break

BREAKS = (
    Break("file_pipeline", "every price is kept",
          (("check.py", "    upload = Upload.model_validate(event",
            "    from urllib.parse import unquote_plus\n\n"
            '    event["detail"]["object"]["key"] = unquote_plus(event["detail"]["object"]["key"])\n'
            "    upload = Upload.model_validate(event"),)),
    Break("file_pipeline", "one upload, one import",
          (("check.py", "hexdigest()[:32]}-{upload.version}", "hexdigest()[:32]}-{correlation_id}"),)),
    Break("file_pipeline", "the newest list wins",
          (("price.py", "version < :version OR", "version <> :version OR"),)),
    Break("file_pipeline", "set aside before it is read",
          (("check.py", 'part(upload, "-1") != b"\\n"', 'part(upload, "-1") == b""'),)),
    Break("file_pipeline", "read once it is complete",
          ((TEMPLATE, "detail: { bucket: { name: [!Ref Incoming] } }",
            "detail: { bucket: { name: [!Ref Incoming] }, reason: [PutObject] }"),)),
    Break("file_pipeline", "a few bad rows stop no list",
          ((MACHINE, '      "ToleratedFailurePercentage": 5,\n', ""),)),
    Break("file_pipeline", "too many fail the list",
          ((MACHINE, '"ToleratedFailurePercentage": 5', '"ToleratedFailurePercentage": 50'),)),
    Break("file_pipeline", "nothing is lost", ((TEMPLATE, GIVEN_UP, LOST),)),
    Break("file_pipeline", "its own files set off nothing",
          ((TEMPLATE, "name: [!Ref Incoming] } }", "name: [!Ref Incoming, !Ref Files] } }"),
           (TEMPLATE, "      LifecycleConfiguration:\n        Rules:\n          - { Status: Enabled, Prefix: checked/",
            "      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } }\n"
            "      LifecycleConfiguration:\n        Rules:\n          - { Status: Enabled, Prefix: checked/"))),
)  # fmt: skip
