"""What became of a request whose key was used for another one."""

from trials.deliveries.history import History, Reference
from trials.verdicts.judge import refusal
from trials.verdicts.words import MEANT, Judgement, Promise, broken, held, unproved
from trials.world.compare import differences, tellable


def under_a_used_key(history: History, reference: Reference) -> Judgement:
    answer = history.delivery.answers[-1]
    changes = differences(history.before, history.after, reference.noise)
    changed = [str(each) for each in changes if not tellable(each, history.before)]  # what the first did, once more
    if refused := refusal(history.delivery):
        return held(f"another body under the same key is refused: {refused}", *changed)
    if changed:
        return unproved(f"another body under the same key is done as well: {changed[0]}", *changed, supply=MEANT)
    text = f"another body under the same key is answered {answer.status or 200} as if it were done, and is not"
    return broken(Promise.SILENT, text, str(answer.body)[:200])
