"""Write down what SAM makes of a template, then become the linter of both.

Run as `python translation.py TEMPLATE FOLDER COMMAND…`, in a process of its own, because SAM's translator takes a
second to load. What SAM makes lies in FOLDER afterwards, or else the reason why it refuses the template; a template
without SAM, and one that cannot be read, is linted alone.
"""

import json
import os
import sys
from pathlib import Path

TRANSLATED, REFUSED = "translated.json", "refused.txt"


def main(template: str, folder: str, *command: str) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from trials.template import TemplateError, read_template
    from trials.template.sam import is_sam, translated

    more = []
    try:
        body = read_template(Path(template))
        if is_sam(body):
            copy = Path(folder) / TRANSLATED
            copy.write_text(json.dumps(translated(body)))
            more = [str(copy)]
    except TemplateError as error:
        (Path(folder) / REFUSED).write_text(str(error))
    os.execvp(command[0], [*command, template, *more])  # noqa: S606, no shell


if __name__ == "__main__":
    main(*sys.argv[1:])
