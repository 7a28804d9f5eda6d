"""The base of all sections."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen group of parameters, whose values were checked against `model.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
