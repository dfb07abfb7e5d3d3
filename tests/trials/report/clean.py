"""Texts that every output can hold: what readers' code answers may have any character in it."""

import re

NOT_OF_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # surrogates and controls among them


def clean(text: str) -> str:
    """The text with a replacement character for each that XML 1.0 and UTF-8 cannot hold."""
    return NOT_OF_XML.sub("\N{REPLACEMENT CHARACTER}", text)
