"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import NO_REDRIVE, REDRIVE, TEMPLATE, Mutant

MUTANTS = (
    Mutant("fan_out", "counts without a mark", (("app.py", '[{"Put": put}, {"Update": add}]', '[{"Update": add}]'),)),
    Mutant("fan_out", "a conflict is taken for a repeat",
           (("app.py", '["Code"] != "ConditionalCheckFailed":', '["Code"] == "ValidationError":'),)),
    Mutant("fan_out", "the mark expires before a redrive", (("app.py", "90 * 86_400", "86_400"),)),
    Mutant("fan_out", "entries refused under HTTP 200 are lost",
           (("publish.py", 'for entry in answer["Failed"]}', 'for entry in answer.get("Errors", [])}'),)),
    Mutant("fan_out", "a batch that fails keeps back the next",
           (("publish.py", "            refused |= dict.fromkeys(ids, str(error))",
             "            raise NotPublished(refused) from error"),)),
    Mutant("fan_out", "what SNS cannot deliver is gone", ((TEMPLATE, REDRIVE, NO_REDRIVE),)),
    Mutant("fan_out", "a queue without a dead-letter queue",
           ((TEMPLATE, "RedrivePolicy: { deadLetterTargetArn: !GetAtt ToInvoiceDlq.Arn, maxReceiveCount: 5 }", ""),)),
    Mutant("fan_out", "the filter is inclusive", ((TEMPLATE, 'numeric: [">", 50000]', 'numeric: [">=", 50000]'),)),
    Mutant("fan_out", "SNS may not use the key",
           ((TEMPLATE, "Action: [kms:GenerateDataKey*, kms:Decrypt]", "Action: [kms:Decrypt]"),)),
    Mutant("fan_out", "the topic may not write to a queue",
           ((TEMPLATE, "!Ref ToInvoice, !Ref ToCount,", "!Ref ToInvoice,"),)),
    Mutant("fan_out", "the topic may not write to a dead-letter queue",
           ((TEMPLATE, "!Ref ToInvoiceDlq, !Ref ToCountDlq]", "!Ref ToInvoiceDlq]"),)),
    Mutant("fan_out", "a redrive for invoicing goes to shipping",
           ((TEMPLATE, "TargetArn: !GetAtt ToInvoiceDlq.Arn }", "TargetArn: !GetAtt ToShipDlq.Arn }"),)),
    Mutant("fan_out", "a fault of the key closes the way out too",
           ((TEMPLATE, "{ SqsManagedSseEnabled: true, MessageRet", "{ KmsMasterKeyId: !Ref Key, MessageRet"),)),
    Mutant("fan_out", "nobody hears of what SNS could not bury",
           ((TEMPLATE, "NumberOfNotificationsFailedToRedriveToDlq", "NumberOfNotificationsRedrivenToDlq"),)),
    Mutant("fan_out", "nobody hears of what is no JSON",
           ((TEMPLATE, "NumberOfNotificationsFilteredOut-InvalidMessageBody", "NumberOfNotificationsFilteredOut"),)),
    Mutant("fan_out", "marks for ever", ((TEMPLATE, "TimeToLiveSpecification: {", "# TimeToLiveSpecification: {"),)),
)  # fmt: skip
