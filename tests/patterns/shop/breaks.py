"""Mistakes in this example that its scenario must report, each as NO in the row of the promise that it breaks."""

from support.mistakes import Break

BREAKS = (
    Break("shop", "charged, shipped and mailed once",
          (("mails.py", ', ConditionExpression="attribute_not_exists(mail_id)"', ""),)),
    Break("shop", "told to whose it is", (("status.py", 'if order.get("customer") != customer:', "if not order:"),)),
    Break("shop", "announced to whoever asks",
          (("announce.py", 'data["total"] = int(total)', 'data["cents"] = int(total)'),)),
    Break("shop", "nothing is shipped, the customer is told",
          (("follow.py", '"REFUSED": "DECLINED"', '"REFUSED": "PAID"'),)),
    Break("shop", "charged once, shipped after a human's word",
          (("progress.py", '"PAID": ["PLACED", "IN_DOUBT"]', '"PAID": ["PLACED"]'),)),
    Break("shop", "refunded once, and told",
          (("follow.py", "payment_id=REFUND + order", "payment_id=order"),)),
    Break("shop", "refunded once, and somebody told",
          (("give_up.py", '        raise ConnectionError(f"carrier said {reply.status}")\n', "        return\n"),)),
    Break("shop", "what is refunded is not shipped",
          (("give_up.py", "        cancel(order.order_id)\n", "        pass\n"),)),
    Break("shop", "what is shipped is not given up",
          (("give_up.py", 'key_prefix="shipment"', 'key_prefix="given-up"'),)),
    Break("shop", "mailed once, later", (("mail.py", "            mails.release(mail_id, holder)\n", ""),)),
)  # fmt: skip
