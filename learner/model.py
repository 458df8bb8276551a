"""A causal LM for training, whole on each rank or in ZeRO-3 shards, and its tensors back as one state."""

from typing import Any


def load(folder: str, *, zero: int, rank: int, deepspeed_config: dict[str, Any]) -> Any:
    """The folder's model in float32 with SDPA attention. With `zero` 3 only rank 0 ever holds all of it."""
    import torch
    from transformers import AutoModelForCausalLM

    kind = {"dtype": torch.float32, "attn_implementation": "sdpa"}
    if zero == 3:
        return _load_sharded(folder, rank, deepspeed_config, kind)
    return AutoModelForCausalLM.from_pretrained(folder, **kind)


def _load_sharded(folder: str, rank: int, deepspeed_config: dict[str, Any], kind: dict[str, Any]) -> Any:
    """Builds the model in shards, then hands out rank 0's tensors one by one (every rank takes part in each)."""
    import torch
    from deepspeed.runtime.zero import GatheredParameters, Init
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    whole = AutoModelForCausalLM.from_pretrained(folder, **kind) if rank == 0 else None
    held = dict(whole.named_parameters()) if whole is not None else {}
    kept = dict(whole.named_buffers()) if whole is not None else {}
    with Init(config_dict_or_path=deepspeed_config), no_init_weights():
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), **kind)
        model.tie_weights()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            with GatheredParameters([parameter], modifier_rank=0):
                if rank == 0:
                    parameter.copy_(held[name])
        for name, buffer in model.named_buffers():
            if rank == 0:
                buffer.copy_(kept[name])
            torch.distributed.broadcast(buffer, src=0)
    return model


def gather(model: Any, *, zero: int, rank: int, dtype: Any) -> dict[str, Any]:
    """All tensors on the CPU of rank 0 in `dtype` (empty elsewhere). Every rank must call it, or the others hang."""
    from deepspeed.runtime.zero import GatheredParameters

    state = {}
    for name, parameter in model.named_parameters():
        with GatheredParameters([parameter], enabled=zero == 3):
            if rank == 0:
                state[name] = parameter.detach().to("cpu", dtype, copy=True).contiguous()
    if rank == 0:
        for prefix, module in model.named_modules():
            for name, buffer in module.named_buffers(prefix, recurse=False):
                if name.rpartition(".")[2] not in module._non_persistent_buffers_set:
                    state[name] = buffer.detach().to("cpu", copy=True)
    return state
