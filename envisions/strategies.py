"""ENVISIONS, its ablations and its rivals as data: each is the settings by which it differs from the run file's.

`run.strategy` names one; its settings then have the last word. All of them run through the same loop, engines,
environments and prompts. `run.profile` names settings that stand beneath those of the run file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pool.select import REFERENCE_COMPAT

ALL = 1_000_000  # more than any problem has
Settings = Mapping[str, Mapping[str, Any]]  # section -> field -> value


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to self-train. `settings` are those that make it; whatever they leave out is the run file's."""

    summary: str
    settings: Settings = field(default_factory=dict)


def _self_rewarding(rank: str) -> Settings:
    return {
        "explore": {"refine": False},
        "select": {"label": "self", "rank": rank, "positives": 0, "pairs": 1, "spare": False}
        | {"pairing": "rank", "contrast": "preference", "memory": False},
        "learn": {"start": "continued"},
    }


STRATEGIES: Mapping[str, Strategy] = {
    "envisions": Strategy("the paper's method, with the settings of the run file"),
    # Ablations of the paper
    "no-refinement": Strategy("without self-refinement", {"explore": {"refine": False}}),
    "no-self-reward": Strategy("a lot in place of the self-reward", {"select": {"rank": "random"}}),
    "no-memory": Strategy("lessons from the newest iteration only", {"select": {"memory": False}}),
    "no-l2": Strategy("without the loss on wrong -> right", {"select": {"pairs": 0}}),
    # Rivals guided by the environment
    "star-env": Strategy(
        "STaR+Env: refines and merges, then up to ten right programs by lot, nothing from wrong ones",
        {
            "explore": {"refine": True},
            "select": {"rank": "random", "dedupe": "none", "pairs": 0, "spare": False, "memory": True},
        },
    ),
    "iter-sft": Strategy(
        "IterSFT: every right sample of all iterations, as often as it was drawn",
        {
            "explore": {"refine": False},
            "select": {"rank": "random", "dedupe": "none", "positives": ALL, "pairs": 0, "spare": False}
            | {"memory": True},
        },
    ),
    "iter-sft-dpo": Strategy(
        "iterative SFT+DPO: right programs of the iteration, then right ones preferred to wrong ones",
        {
            "explore": {"refine": False},
            "select": {"positives": ALL, "pairs": ALL, "spare": False, "contrast": "preference", "memory": False},
            "learn": {"start": "continued"},
        },
    ),
    # Rivals that ask a model
    "self-rewarding": Strategy(
        "Self-Rewarding: the model grades its programs by a rubric; its best is preferred to its worst",
        _self_rewarding("rubric"),
    ),
    "self-rewarding-likelihood": Strategy(
        "Self-Rewarding for a model that follows no rubric: its own sequence log-probability is the grade",
        _self_rewarding("current"),
    ),
    "distill": Strategy(
        "Distill-then-Finetune: one right answer of a teacher for each problem, two epochs from the base",
        {
            "explore": {"sampler": "teacher", "refine": False},
            "select": {"rank": "random", "positives": 1, "pairs": 0, "memory": True},
            "learn": {"start": "base", "epochs": 2},
        },
    ),
    "few-shot": Strategy(
        "the base after worked examples, untrained", {"run": {"iterations": 0}, "evaluate": {"few_shot": True}}
    ),
}


def _reference(world: str, iterations: int, max_tokens: int, shots: int, **select: Any) -> Settings:
    """The settings of the public code that are the same in all worlds, and those that are not."""
    told = {"shots": shots} | {"math": {"show_feedback": False}, "web": {"show_feedback": False}}.get(world, {})
    return {
        "run": {"iterations": iterations},
        "world": told | ({"aligned": False, "vacuous": False} if world == "logic" else {}),
        "explore": {"samples": 5, "refine": True, "temperature": 1.0, "top_p": 1.0, "max_tokens": max_tokens},
        "select": REFERENCE_COMPAT.model_copy(update=select).model_dump(),
        "learn": {"start": "base", "rate": 2e-5, "decay": "linear", "warmup": 0.03, "weight_decay": 0.0, "clip": 0.0}
        | {"epochs": 1 if world == "math" else 2, "examples_per_step": 128, "row_length": 2048}
        | {"loss": "example", "precision": "bf16"},
    }


PROFILES: Mapping[str, Mapping[str, Settings]] = {  # name -> world -> settings
    "reference-compat": {
        "math": _reference("math", 10, 2200, 3),
        "logic": _reference("logic", 8, 3500, 1, docstring_iterations=0),
        "web": _reference("web", 5, 4000, 1, docstring_iterations=0, positives=2, dedupe="none"),
    },
}


def applied(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A parsed run file with its profile beneath and its strategy on top; validation says what names are unknown."""
    run = raw.get("run")
    named: Mapping[str, Any] = run if isinstance(run, Mapping) else {}
    world = raw.get("world")
    where = world.get("name", "math") if isinstance(world, Mapping) else "math"
    beneath = PROFILES.get(str(named.get("profile")), {}).get(where, {})
    strategy = STRATEGIES.get(str(named.get("strategy")))
    return layered(layered(beneath, raw), strategy.settings if strategy else {})


def layered(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, section by section; where both set a field, the one above."""
    both = dict(below)
    for name, value in above.items():
        under = both.get(name)
        both[name] = layered(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return both
