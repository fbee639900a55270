"""Writes a tokenizer of single bytes, for testers that want one although no token is to be counted.

    python peers/testers/byte_tokenizer.py FOLDER
"""

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
fast.save_pretrained(sys.argv[1])
