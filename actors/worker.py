"""What we add to vLLM's worker: its methods can be called through `collective_rpc`. Runs in the engine's process."""

from typing import Any


class RepackedOutput:
    """Mends a weight update on a CPU for models whose output shares its tensor with the input embedding.

    A CPU packs each matrix for its kernels. `reload_weights` packs anew what it reads from the files, and a shared
    output matrix is not in the files: without this the new model would go on writing with the old model's output.
    """

    model_runner: Any

    def repack_output(self) -> None:
        from vllm.model_executor.layers.vocab_parallel_embedding import UnquantizedEmbeddingMethod

        for layer in self.model_runner.get_model().modules():
            if isinstance(getattr(layer, "quant_method", None), UnquantizedEmbeddingMethod):
                layer.quant_method.process_weights_after_loading(layer)
