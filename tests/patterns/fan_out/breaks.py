"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import TEMPLATE, Break

BREAKS = (
    Break("fan_out", "each subscriber acts once on each",
          (("app.py", '[{"Put": put}, {"Update": add}]', '[{"Update": add}]'),)),
    Break("fan_out", "only what is above 50000", ((TEMPLATE, '[">", 50000]', '[">=", 50000]'),)),
    Break("fan_out", "HTTP 200 hides no loss", (("publish.py", "    if refused:", "    if refused and not events:"),)),
    Break("fan_out", "a redrive reaches one subscriber only",
          ((TEMPLATE, "TargetArn: !GetAtt ToInvoiceDlq.Arn }", "TargetArn: !GetAtt ToShipDlq.Arn }"),)),
    Break("fan_out", "what a filter drops is seen elsewhere, body intact",
          (("app.py", "        except Exception:", "        except ValueError:\n            return\n"
            "        except Exception:"),)),
    Break("fan_out", "the queues take from one topic only",
          ((TEMPLATE, 'ArnEquals: { "aws:SourceArn": !Ref OrderPlaced }', 'ArnLike: { "aws:SourceArn": "arn:*" }'),)),
    Break("fan_out", "the others neither wait nor lose", (("app.py", "            raise\n", "            return\n"),)),
    Break("fan_out", "nothing is lost",
          ((TEMPLATE, "ToShipDlq.Arn, maxReceiveCount: 5", "ToShipDlq.Arn, maxReceiveCount: 1"),)),
)  # fmt: skip
