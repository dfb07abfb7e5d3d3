"""Realistic mistakes in this example, each caught by a test of its promises, its faults or its template."""

from support.mistakes import NO_REDRIVE, REDRIVE, TEMPLATE, Mutant

MUTANTS = (
    Mutant("webhook", "not compared in constant time",
           (("receive.py", "hmac.compare_digest(digest, each)", "digest == each"),)),
    Mutant("webhook", "the window is in milliseconds", (("receive.py", "> 300:", "> 300_000:"),)),
    Mutant("webhook", "the time is not signed", (("receive.py", 'prove(f"{stamp}.".encode() + raw,', "prove(raw,"),)),
    Mutant("webhook", "the key before a rotation is refused",
           (("receive.py", '("AWSCURRENT", "AWSPREVIOUS")', '("AWSCURRENT",)'),)),
    Mutant("webhook", "no key is a forgery",
           (("receive.py", "(ValueError if Keys.answered else ConnectionError)", "ValueError"),)),
    Mutant("webhook", "accepted and not kept",
           (("receive.py", "    enqueue(raw, key", "    with suppress(Exception): enqueue(raw, key"),)),
    Mutant("webhook", "the last to arrive stands", (("work.py", "version < :version", "version <> :version"),)),
    Mutant("webhook", "signatures in the log",
           ((TEMPLATE, "'{\"request\":", "'{\"signature\":\"$request.header.x-signature\",\"request\":"),)),
    Mutant("webhook", "a flood reaches the function",
           ((TEMPLATE, "DefaultRouteSettings: {", "# DefaultRouteSettings: {"),)),
    Mutant("webhook", "any API may call the receiver",
           ((TEMPLATE, "${Api}/*\n\n  SigningSecret", "*\n\n  SigningSecret"),)),
    Mutant("webhook", "no dead-letter queue", ((TEMPLATE, REDRIVE, NO_REDRIVE),)),
    Mutant("webhook", "bodies go before their messages", ((TEMPLATE, "ExpirationInDays: 30", "ExpirationInDays: 3"),)),
    Mutant("webhook", "events are remembered for ever",
           ((TEMPLATE, "TimeToLiveSpecification: {", "# TimeToLiveSpecification: {"),)),
    Mutant("webhook", "a secret that everybody knows",
           ((TEMPLATE, "{ GenerateSecretString: { PasswordLength: 64 } }", "{ SecretString: change-me }"),)),
)  # fmt: skip
