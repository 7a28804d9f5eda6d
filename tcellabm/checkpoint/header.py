"""What a checkpoint says besides its arrays: names, types and bounds."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tcellabm.params.meta import catalog

FORMAT = "tcellabm checkpoint"
VERSION = 2
LARGEST = 2**24  # bytes of a header
MOST_EVENTS = 100_000
_LAST_DAY = float(catalog()["time.days"].range[1])

Day = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Time = Annotated[float, Field(ge=0.0, le=_LAST_DAY, allow_inf_nan=False)]
Bits32 = Annotated[int, Field(ge=0, lt=2**32)]
Bits64 = Annotated[int, Field(ge=0, lt=2**64)]
Bits128 = Annotated[int, Field(ge=0, lt=2**128)]
Twister = Annotated[tuple[Bits32, ...], Field(min_length=625, max_length=625)]
Event = tuple[Day, int, str]
Order = tuple[Day, str, Day]
Setting = tuple[str, bool | int | float | str, str, str, bool]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Origin(BaseModel):
    """Who wrote a file: looked at before anything else."""

    format: Literal["tcellabm checkpoint"]
    version: int
    model_version: int


class Counter(_Part):
    """The two numbers of NumPy's PCG64."""

    state: Bits128
    inc: Bits128


class Stream(_Part):
    """A generator of NumPy, of its usual kind."""

    bit_generator: Literal["PCG64"]
    state: Counter
    has_uint32: Literal[0, 1]
    uinteger: Bits32


class TissueState(_Part):
    """What a tissue holds beside arrays."""

    rng: Stream


class CourseState(_Part):
    """What a course holds beside arrays; what its lists hold, it looks at itself."""

    now: list[Any]
    asked: Day
    look_again: Annotated[float, Field(ge=0.0)]  # infinite for never
    assays: Bits64
    death: list[Any]
    draws: list[list[Any]]
    assessments: list[list[Any]]
    treatments: list[list[Any]]


class ModelState(_Part):
    """All that changes in a model."""

    run_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    tissue: TissueState
    course: CourseState
    orders: Annotated[list[Order], Field(max_length=MOST_EVENTS)]


class Header(_Part):
    """The whole of it."""

    format: str
    version: int
    model_version: int
    parameters: list[Setting]
    seed: Annotated[int, Field(ge=0)]
    time: Time
    random: tuple[Literal[3], Twister, float | None]
    events: Annotated[list[Event], Field(max_length=MOST_EVENTS)]
    state: ModelState
