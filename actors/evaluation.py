"""How a model is tested: the section `[evaluate]` of a run file."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class EvaluateConfig(BaseModel):
    """Attempts at each test problem. The default is the paper's: one, greedy, without worked examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: int = Field(1, ge=1)
    """Attempts at each test problem."""
    temperature: float = Field(0.0, ge=0)
    """Sampling temperature; 0 is greedy."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Nucleus sampling threshold."""
    k: tuple[int, ...] = (1,)
    """For which k `envisions eval` gives pass@k."""
    few_shot: bool = False
    """Show the worked examples of `world.shots` to every model, not only to the base when it explores."""

    @model_validator(mode="after")
    def _drawn_often_enough(self) -> Self:
        if self.samples > 1 and not self.temperature:
            raise ValueError(
                f"samples is {self.samples} at temperature 0, which gives one text only; raise temperature"
            )
        if wrong := [k for k in self.k if not 1 <= k <= self.samples]:
            raise ValueError(f"k is {wrong[0]}; it must be 1 to samples, which is {self.samples}: raise samples")
        return self
