"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import GIVEN_UP, LOST, ONCE, TEMPLATE, Mutant

REPORTED = 'return {"batchItemFailures": [{"itemIdentifier": record.kinesis.sequence_number}]}'

MUTANTS = (
    Mutant("stream_processor", "the last to come stands", (("app.py", "version < :version", "version <> :version"),)),
    Mutant("stream_processor", "a write that fails is taken for an old price",
           (("app.py", ONCE, "except Exception:"),)),
    Mutant("stream_processor", "a bad record at the front is reported, not raised",
           (("app.py", "if position == 0:", "if position < 0:"),)),
    Mutant("stream_processor", "goes on after a failure",
           (("app.py", REPORTED, "continue"),)),
    Mutant("stream_processor", "retries for ever", ((TEMPLATE, "MaximumRecordAgeInSeconds: 86400", ""),)),
    Mutant("stream_processor", "a count of retries ends before the outage does",
           ((TEMPLATE, "MaximumRecordAgeInSeconds: 86400", "MaximumRetryAttempts: 10"),)),
    Mutant("stream_processor", "garbage stops its lane",
           (("app.py", "        set_aside(record, error)", "        raise"),)),
    Mutant("stream_processor", "garbage is passed over",
           (("app.py", "        set_aside(record, error)", "        logger.warning(str(error))"),)),
    Mutant("stream_processor", "an outage is taken for garbage",
           (("app.py", "        change = Price", "        keep(change := Price"),
            ("app.py", "record.kinesis.data_as_bytes())\n    except ValidationError",
             "record.kinesis.data_as_bytes()))\n    except Exception"),)),
    Mutant("stream_processor", "garbage is counted nowhere", (("app.py", "    metrics.flush_metrics()\n", ""),)),
    Mutant("stream_processor", "each delivery keeps the garbage once more",
           (("app.py", "unreadable/{record.kinesis.sequence_number}", "unreadable/{os.urandom(8).hex()}"),)),
    Mutant("stream_processor", "a number that DynamoDB refuses at every retry",
           (("app.py", "Field(ge=0, le=10**12,", "Field(ge=0,"),)),
    Mutant("stream_processor", "it may not write where it sets aside",
           ((TEMPLATE, "${Discarded.Arn}/unreadable/*", "${Discarded.Arn}/garbage/*"),)),
    Mutant("stream_processor", "the alarm counts another service's garbage",
           ((TEMPLATE, "{ Name: service, Value: prices }", "{ Name: service, Value: KeepPrices }"),)),
    Mutant("stream_processor", "nobody hears of a lane that stands still",
           ((TEMPLATE, "MetricName: IteratorAge", "MetricName: Duration"),)),
    Mutant("stream_processor", "what is given up is gone", ((TEMPLATE, GIVEN_UP, LOST),)),
    Mutant("stream_processor", "retention before age",
           ((TEMPLATE, "RetentionPeriodHours: 72", "RetentionPeriodHours: 24"),)),
    Mutant("stream_processor", "begins at the latest record",
           ((TEMPLATE, "StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST"),)),
)  # fmt: skip
