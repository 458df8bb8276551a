"""Small real parts that several tests need."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from actors.scripted import InProcess
from envisions.records import Example


def tiny_tokenizer(folder: Path, vocabulary: int = 384) -> None:
    """A byte-level BPE tokenizer with BOS and EOS, every digit its own token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([e.prompt + e.completion for e in tiny_examples(40)], trainer)
    bpe.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>").save_pretrained(folder)


def tiny_model(folder: Path, *, seed: int = 0, width: int = 64, layers: int = 2, tied: bool = True) -> Path:
    """A Hugging Face folder with a small random Llama and its tokenizer; the same seed gives the same tensors."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tiny_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=tied,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def tiny_model_of(family: str, folder: Path, *, seed: int = 0) -> Path:
    """The same size in another architecture, by transformers' name of it: qwen2, gpt_neox ..."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    tiny_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(seed)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.1,
        **({"num_key_value_heads": 2} if family != "gpt_neox" else {}),
    )
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    return folder


def tiny_examples(count: int) -> list[Example]:
    """Sums of different lengths with their programs."""
    terms = [[str(number + term) for term in range(2 + number % 4)] for number in range(count)]
    return [
        Example(
            id=f"sum-{number:03d}",
            prompt=f"Add {' and '.join(numbers)}.\n",
            completion=f"def solution():\n    return {' + '.join(numbers)}\n",
        )
        for number, numbers in enumerate(terms)
    ]


def tiny_pairs(count: int) -> list[Example]:
    """The same sums, each with the program of another sum that it is to be preferred to."""
    return [
        replace(example, id=f"{example.id} after", rejected=example.completion.replace("+", "-").replace("1", "77"))
        for example in tiny_examples(count)
    ]


def in_process(name: str, part: Any) -> InProcess:
    """A fleet of this one object, in this process."""
    return InProcess(name, [name], 60, lambda _: part)
