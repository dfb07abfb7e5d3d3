"""What kind of file a function wanted, from the words of the library that could not read the one it got."""

import re

from trials.samples.refused.observation import Refusal

READERS = {  # by the ending of such a file: what pypdf, pdfminer, pdf-lib, Pillow, sharp, Jimp, zipfile and others say
    ".pdf": re.compile(r"\bPDF\b|\bPdf\w*Error|EOF marker not found"),
    ".png": re.compile(r"cannot identify image file|unsupported image format|Could not find MIME for Buffer"),
    ".zip": re.compile(r"not a zip file|[Ee]nd of central directory|BadZipFile"),
    ".gz": re.compile(r"Not a gzipped file|incorrect header check"),
    ".xml": re.compile(r"not well-formed|syntax error: line 1, column 0|Non-whitespace before first tag"),
}

UNPACKED = re.compile(r"values to unpack \(expected (\d+)")
TOO_FEW = re.compile(
    r"(?i)list index out of range|\b(?:columns?|fields?|length)\b[^\n]{0,60}\b(?:match|expected|wrong|invalid|mismatch)"
    r"|\b(?:expected|wrong|invalid|unexpected)\b[^\n]{0,40}\b(?:columns?|fields?|length)\b"
)
WIDTHS = range(3, 9)


def widths(refusal: Refusal) -> list[int]:
    """How many columns a table may have whose rows were refused as too short; none if they were not."""
    said = "\n".join(refusal.texts)
    if unpacked := UNPACKED.search(said):
        return [int(unpacked[1])]
    return list(WIDTHS) if TOO_FEW.search(said) else []


def ending_of(refusal: Refusal) -> str:
    """The ending of the kind of file that was wanted; empty if that cannot be told."""
    said = "\n".join(refusal.texts)
    return next((ending for ending, words in READERS.items() if words.search(said)), "")
