"""Writes a tokenizer of single bytes, for testers that want one although no token is to be counted.

    python peers/testers/byte_tokenizer.py CACHE NAMESPACE/NAME

CACHE is laid out as the cache of the Hugging Face hub, so that nothing is asked of the hub itself.
"""

import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
tokenizer = Tokenizer(models.BPE(vocab={byte: rank for rank, byte in enumerate(alphabet)}, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
fast = PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, bos_token=alphabet[0], eos_token=alphabet[1]
)

REVISION = "0" * 40
cache, name = sys.argv[1:]
model = pathlib.Path(cache, "hub", "models--" + name.replace("/", "--"))
fast.save_pretrained(model / "snapshots" / REVISION)
(model / "refs").mkdir(exist_ok=True)
(model / "refs" / "main").write_text(REVISION)
