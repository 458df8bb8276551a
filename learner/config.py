"""The learner's settings."""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

BUCKET = 50_000_000  # elements per message between ranks


class PreferenceConfig(BaseModel):
    """How pairs are learnt (DPO, arXiv 2305.18290), after the lessons and from what those made. The reference's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    beta: float = Field(0.1, gt=0)
    """How far the model may go from the weights it starts from: the smaller, the farther."""
    rate: float = Field(5e-7, gt=0)
    """Highest learning rate of AdamW."""
    epochs: int = Field(1, ge=1)
    """How often each pair is seen."""
    examples_per_step: int = Field(64, ge=1)
    """Pairs in one optimizer step, all ranks together."""
    warmup: float = Field(0.1, ge=0, le=1)
    """Share of the steps over which the rate rises linearly."""


class LearnConfig(BaseModel):
    """How a model is trained on lessons. The defaults are the paper's, except that nothing needs a GPU."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(2e-5, gt=0)
    """Highest learning rate of AdamW."""
    epochs: int = Field(1, ge=1)
    """How often each example is seen."""
    examples_per_step: int = Field(128, ge=1)
    """Examples in one optimizer step, all ranks together."""
    loss: Literal["example", "token"] = "example"
    """What weighs the same in a step: every example (the paper) or every completion token."""
    start: Literal["base", "continued"] = "base"
    """Weights an iteration trains: the base model's (the paper) or the last iteration's."""
    warmup: float = Field(0.03, ge=0, le=1)
    """Share of the steps over which the rate rises linearly."""
    decay: Literal["linear", "none"] = "linear"
    """What the rate does afterwards: falls linearly towards 0, or stays."""
    weight_decay: float = Field(0.0, ge=0)
    """AdamW's weight decay."""
    clip: float = Field(0.0, ge=0)
    """Largest norm of a step's gradient; 0 = no clipping (the paper)."""
    row_length: int = Field(2048, ge=16)
    """Tokens a row holds at most. Short examples share a row; a longer example is dropped and counted, never cut."""
    micro_batch_tokens: int = Field(2048, ge=16)
    """Tokens that go through the model at once on one rank; bounds memory, never changes the loss."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """Arithmetic of matrix products; weights, gradients and AdamW are fp32 either way."""
    saved: Literal["bf16", "fp32"] = "fp32"
    """Precision of the weights on disk; bf16 halves the folder and rounds small updates away."""
    zero: Literal[0, 1, 2, 3] = 0
    """DeepSpeed ZeRO stage: what the ranks share out (1 optimizer, 2 and gradients, 3 and parameters)."""
    threads: int = Field(2, ge=1)
    """Threads of one rank on a CPU."""
    checkpoint_steps: int = Field(0, ge=0)
    """Steps between two checkpoints from which a cut-off training goes on; 0 = none."""
    deadline: float = Field(1800, gt=0)
    """Seconds one rank waits for the others before it gives up."""
    dpo: PreferenceConfig = PreferenceConfig()
    """What is different where pairs are learnt as preferences (`select.contrast`)."""

    def for_pairs(self) -> "LearnConfig":
        """The settings under which pairs are learnt."""
        return self.model_copy(update=self.dpo.model_dump(exclude={"beta"}))

    def rate_at(self, step: int, total: int) -> float:
        """Learning rate of step 0 .. total-1. No step has rate 0, not even the first."""
        rising = math.ceil(self.warmup * total)
        if step < rising:
            return self.rate * (step + 1) / (rising + 1)
        return self.rate * ((total - step) / (total - rising) if self.decay == "linear" else 1)

    def deepspeed(self) -> dict[str, Any]:
        """What DeepSpeed is told. We say ourselves where a step ends and what the rate is, so both survive a resume."""
        adam = {"lr": self.rate, "weight_decay": self.weight_decay, "torch_adam": True, "fused": True}
        return {
            "train_micro_batch_size_per_gpu": 1,
            "managed_gradient_accumulation": False,
            "optimizer": {"type": "AdamW", "params": adam},
            "gradient_clipping": self.clip,
            "zero_optimization": {"stage": self.zero, "reduce_bucket_size": BUCKET, "allgather_bucket_size": BUCKET},
            # No module is named "safe", so gradients are added up over ranks in fp32: ranks must not change a step.
            "torch_autocast": {
                "enabled": self.precision == "bf16",
                "dtype": "bfloat16",
                "lower_precision_safe_modules": [],
            },
            "steps_per_print": None,
        }
