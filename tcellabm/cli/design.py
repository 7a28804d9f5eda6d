"""The command `tcellabm design`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from tcellabm.cli import options
from tcellabm.cli.options import Out, Overwrite, Resume, Seed

if TYPE_CHECKING:
    from tcellabm.experiments.studies.design import Answer, Question

_DOSE, _ARMS = "Finding a dose", "Comparing two arms"


def design(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[SWEEP FOLDER]", show_default="newest in runs/")
    ] = None,
    at: Annotated[
        list[str], Option("--at", metavar="KEY=VALUE", help="Hold an axis; may be repeated.")
    ] = [],  # noqa: B006 - typer reads the default, nothing writes it
    patients: Annotated[
        int | None,
        Option("--patients", "-n", min=1, metavar="N", help="Most in a trial: 30; two arms: 200."),
    ] = None,
    trials: Annotated[int, Option(min=1, metavar="N", help="Simulated trials.")] = 1000,
    seed: Seed = 1,
    designs: Annotated[
        list[str], Option("--design", metavar="NAME", help="3+3, boin, crm, utility; repeatable.")
    ] = [],  # noqa: B006
    axis: Annotated[str, Option(metavar="KEY", help="Axis to escalate; the dose.")] = "",
    toxicity: Annotated[
        str | None,
        Option(metavar="EVENTS", help="Dose-limiting: days of events, conditions, by commas."),
    ] = None,
    response: Annotated[
        str | None, Option(metavar="EVENTS", help="What counts as benefit.")
    ] = None,
    window: Annotated[float, Option(min=0, metavar="D", help="Days for toxicity to show.")] = 28.0,
    follow: Annotated[
        float | None,
        Option(min=0, metavar="D", help="Days a cohort is followed before the next: the window."),
    ] = None,
    target: Annotated[float, Option(metavar="P", help="Toxicity sought.")] = 0.3,
    stagger: Annotated[float, Option(min=0, metavar="D", help="Days between infusions.")] = 14.0,
    enroll: Annotated[
        float | None, Option(min=1e-3, metavar="N", help="Patients enrolled a week: the sweep's.")
    ] = None,
    arm: Annotated[
        list[str],
        Option("--arm", metavar="KEY=VALUE,...", help="Twice: compare these, control first."),
    ] = [],  # noqa: B006
    endpoint: Annotated[str, Option(metavar="NAME", help="Compared in two arms.")] = "remission",
    interim: Annotated[
        float | None, Option(metavar="P", help="Share of patients at an interim look.")
    ] = None,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
) -> None:
    """Try trial designs on the patients of a sweep, who are known at every dose."""
    from tcellabm.analysis.designs import DESIGNS
    from tcellabm.experiments.studies import design as experiment

    common = _given(at=_values(at, "--at"), trials=trials, seed=seed, patients=patients)
    question: Question
    if arm or interim is not None:
        question = experiment.ArmQuestion(
            arms=_two(arm), endpoint=endpoint, interim=interim, **common
        )
    else:
        events = _given(toxicity=toxicity, response=response, enrolled_per_week=enroll)
        question = experiment.DoseQuestion(
            designs=tuple(designs) or DESIGNS,
            axis=axis,
            window_days=window,
            follow_days=window if follow is None else follow,
            target=target,
            stagger_days=stagger,
            **events,
            **common,
        )
    source = folder or experiment.newest()
    sweep = experiment.read(source)
    found = experiment.answer(sweep, question)  # before there is a folder: it may be refused
    place = options.result_folder("design", source.name, out, resume)
    experiment.write(
        found,
        sweep,
        question,
        place,
        overwrite=overwrite,
        resume=resume,
        command=options.command_line(),
        draw=lambda answer: _draw(answer, question),
    )
    print(f"{source}: {_whom(found, question)}")
    print(*_words(found, question), sep="\n")
    print(f"wrote {place}: characteristics.csv, figure.png, manifest.json")


def _given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _values(settings: Sequence[str], option: str) -> dict[str, Any]:
    from tcellabm.params import parse_set

    for text in settings:
        if "=" not in text:
            options.refuse(f"{text} names no value", option, "allowed: KEY=VALUE")
    return dict(parse_set(settings))


def _two(arms: Sequence[str]) -> tuple[dict[str, Any], ...]:
    if len(arms) != 2:
        options.refuse(f"{len(arms)} arms", "--arm", "allowed: two, KEY=VALUE of axes of the sweep")
    one, two = (_values(arm.split(","), "--arm") for arm in arms)
    if one == two:
        options.refuse(f"two equal arms: {arms[0]}", "--arm", "allowed: two that differ")
    return one, two


def _whom(found: "Answer", question: "Question") -> str:
    """Say whom the trials draw from, and what counts."""
    from tcellabm.experiments.studies.design import DoseQuestion
    from tcellabm.figures.labels import axis_label, value_label

    held = [f"{axis_label(key)} {value_label(key, each)}" for key, each in question.at.items()]
    pooled = [f"over all values of {axis_label(key)}" for key in found.pooled]
    whom = ", ".join([f"{found.patients} patients", *held, *pooled])
    text = f"{whom}; {question.trials} trials of each design."
    if isinstance(question, DoseQuestion):
        events = question.toxicity.replace(",", ", ")
        text += f"\nToxicity: {events} within {question.window_days:g} days."
        text += f" Response: {question.response}."
    return text


def _words(found: "Answer", question: "Question") -> list[str]:
    from tcellabm.analysis.designs import words
    from tcellabm.experiments.studies.design import ArmQuestion, DoseQuestion

    if isinstance(question, ArmQuestion):
        arms = [_name(arm) for arm in question.arms]
        return words.compared(found.table, question.patients // 2, question.endpoint, arms)
    assert isinstance(question, DoseQuestion)
    return words.found(found.table, _labels(found), question.target)


def _name(arm: dict[str, Any]) -> str:
    from tcellabm.figures.labels import axis_label, value_label

    return ", ".join(f"{axis_label(key)} {value_label(key, each)}" for key, each in arm.items())


def _labels(found: "Answer") -> list[str]:
    """Name the axis and its doses."""
    from tcellabm.figures.labels import axis_label, value_label

    doses = found.table["dose"].dropna().unique()
    return [axis_label(found.axis), *(value_label(found.axis, float(dose)) for dose in doses)]


def _draw(found: "Answer", question: "Question") -> bytes:
    from tcellabm.experiments.studies.design import ArmQuestion, DoseQuestion
    from tcellabm.figures import draw_comparison, draw_designs

    notes = _whom(found, question)
    if isinstance(question, ArmQuestion):
        arms = [_name(arm) for arm in question.arms]
        return draw_comparison(found.table, question.endpoint, arms, notes)
    assert isinstance(question, DoseQuestion)
    return draw_designs(found.table, _labels(found), question.target, notes)
