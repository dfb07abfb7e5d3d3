"""The search over all sources of a project, in a process of its own, which comes to one finding."""

import multiprocessing
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from trials.bench import absent, only_reads, why_untried
from trials.deliveries.deliver import deliver
from trials.deliveries.history import Reference
from trials.faults.once import once
from trials.faults.order import successor
from trials.local_aws import LocalAwsError
from trials.local_aws.processes import end_with_parent
from trials.project import Kind, Source
from trials.samples import samples
from trials.samples.code import of_function
from trials.samples.stranger import stranger
from trials.search.keep import kept, write
from trials.search.machine import reduced, shortest
from trials.search.plan import Plan
from trials.search.play import SHRINKING, Player, Sent
from trials.search.verdict import Failure
from trials.signals import interrupts_wait, leave_interrupts_to_the_parent
from trials.stage import Stage
from trials.verdicts import Finding, broken, held, unproved
from trials.verdicts.judge import has_key, refusal
from trials.verdicts.remedies import remedy
from trials.waves import feeders, waves
from trials.workers import Theatre
from trials.world import Noise, differences, noise

MOST_EVENTS = 6
EVERY = "all sources"
NOTHING = "no source has an effect that can be compared, and a key by which a repeat is known"
A_KEY = "an event of a source that leaves something, with the key of a repeat if it is a request"


def search(project: Path, steps: int, keep: Path | None = None, portion: int = 0) -> Finding:
    """Play `steps` steps or a few more of random sequences of the project's events, others for each `portion`.

    `keep` is a file for a sequence that fails.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    home = Path(tempfile.mkdtemp(prefix="local-aws-"))
    process = context.Process(target=work, args=(theirs, project, home, steps, keep, portion), daemon=True)
    try:
        with interrupts_wait():
            process.start()
        theirs.close()
        finding = ours.recv()
        assert isinstance(finding, Finding)
        return finding
    except EOFError:
        return Finding(
            EVERY, "search", unproved("the process of the search ended without a word", supply="--search again")
        )
    finally:
        process.kill()
        process.join(timeout=10)
        shutil.rmtree(home, ignore_errors=True)


def work(pipe: Connection, project: Path, home: Path, steps: int, keep: Path | None, portion: int) -> None:
    leave_interrupts_to_the_parent()
    end_with_parent()
    tempfile.tempdir = str(home)
    with ExitStack() as stack:
        theatre = stack.enter_context(Theatre(home, project, forks=True))
        pipe.send(searched(theatre.stage(project), steps, keep, portion))


def searched(stage: Stage, steps: int, keep: Path | None = None, portion: int = 0) -> Finding:
    stage.fresh()
    events, newer, noisy, left_out = gathered(stage)
    if not events:
        return Finding(EVERY, "search", unproved(NOTHING, *left_out, supply=A_KEY))
    player = Player(stage, events, newer, noisy, steps)
    every = tuple(range(len(events)))
    player.noise |= noise(player.alone(every), player.undisturbed(every))
    calls = [len(each.calls) for each in events]
    plan = shortest(calls, lambda tried: player.failure(tried) is not None, steps, portion)
    if plan is None:
        sequences = f"{player.played} sequences, {player.spent} steps, of {len(events)} events"
        text = f"{sequences}: in the end each effect was there once, or its event lay where somebody is told"
        return Finding(EVERY, "search", held(text))
    player.budget = player.spent + SHRINKING
    plan = reduced(plan, lambda tried: player.failure(tried) is not None)
    failure = player.failure(plan)
    assert failure
    finding = told(player, plan, failure)
    return finding if keep is None else with_file(finding, player, plan, keep)


def with_file(finding: Finding, player: Player, plan: Plan, file: Path) -> Finding:
    """The finding, and that a file repeats it, or why none does."""
    judgement = finding.judgement
    try:
        sequence = kept(player, plan)
        write(file, sequence, [judgement.happened, *judgement.details], player.stage.project.folder)
        said = f"kept in {file}"
    except LocalAwsError as error:
        said = f"not kept: {error}"
    return replace(finding, judgement=replace(judgement, details=(*judgement.details, said)))


def told(player: Player, plan: Plan, failure: Failure) -> Finding:
    judgement = broken(
        failure.promise,
        f"after {len(plan)} steps, found in sequence {player.found_in}: {failure.happened}",
        *player.names.told(plan),
    )
    return Finding(EVERY, "search", judgement, *remedy(failure.promise, player.events[plan[0].event].source, "search"))


def gathered(stage: Stage) -> tuple[list[Sent], dict[int, int], Noise, list[str]]:
    """The events of all sources that can be told from a repeat: the sample, somebody else's, and the next version.

    Also which of them is newer than which, what is noise, and why each of the other sources is left out.
    """
    project, noisy = stage.project, set[tuple[str, str]]()
    events, newer, left_out = list[Sent](), dict[int, int](), list[str]()
    sources = [source for source in project.sources if not why_untried(project, source)]
    for source in [each for group in waves(project, sources) for each in group]:
        reference, why = comparable(stage, source, [each.source for each in events])
        if reference is None or len(events) >= MOST_EVENTS:
            left_out.append(f"{source}: {why or f'there are {MOST_EVENTS} events already'}")
            continue
        noisy |= reference.noise
        calls, name = reference.every_call[:6], str(source)
        events.append(Sent(source, reference.sample, calls, name))
        payload, other = successor(reference.sample.payload), stranger(reference.sample, source)
        after = Sent(source, replace(reference.sample, payload=payload), calls, f"{name}, the next version")
        if payload is not None and takes(stage, after) and follows(stage, after, reference):
            newer[len(events) - 1] = len(events)
            events.append(after)
        if other and takes(stage, strange := Sent(source, other[0], calls, f"{name}, of somebody else")):
            events.append(strange)
    return events, newer, noisy, left_out


def comparable(stage: Stage, source: Source, played: list[Source]) -> tuple[Reference | None, str]:
    """What a source's event does by itself, or why its repeats cannot be told from what it does once.

    Of a queue, what one of those that are `played` writes into it is an effect of that one.
    """
    if source.kind in (Kind.ROUTE, Kind.MACHINE):
        return None, "only functions are played"
    if source.durable:
        return None, "an execution goes on by itself when its step's fault is over: the trials play that"
    if why := absent(stage, source):
        return None, why
    if feeders(stage.project, source, played):
        return None, "what another function writes into it is an effect of that one"
    reference = of(stage, source)
    if reference is None:
        return None, "no sample of it has an effect that is there when the function has answered"
    return (reference, "") if repeatable(source, reference) else (None, "a request without a key by which it is known")


def takes(stage: Stage, sent: Sent) -> bool:
    """Whether a function does what an event asks that was made of its sample."""
    stage.fresh()
    return not refusal(deliver(stage, sent.source, [sent.sample]))


def follows(stage: Stage, after: Sent, reference: Reference) -> bool:
    """Whether a next version changes what its sample left; else it is taken for a repeat, by an id that both have."""
    stage.fresh()
    for sample in (reference.sample, after.sample):
        deliver(stage, after.source, [sample])
    return bool(differences(reference.world, stage.world(), reference.noise))


def of(stage: Stage, source: Source) -> Reference | None:
    project = stage.project
    reads = of_function(project, source.function)
    given = samples(project.body, project.files, source, stage.passed_on, reads, project.supply.claims)
    attempt = once(stage, source, given)
    stage.remember()
    reference = attempt.reference
    return reference if reference and reference.has_effect and not attempt.returned_early else None


def repeatable(source: Source, reference: Reference) -> bool:
    """Whether the same event once more is a repeat; a request without a key is another request."""
    return source.kind is not Kind.HTTP or (has_key(reference) and not only_reads(reference))
