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


def ending_of(refusal: Refusal) -> str:
    """The ending of the kind of file that was wanted; empty if that cannot be told."""
    said = "\n".join(refusal.texts)
    return next((ending for ending, words in READERS.items() if words.search(said)), "")
