"""GuideLLM's own command line, where PyTorch is not installed.

    python peers/testers/guidellm_cli.py run --backend kind=openai_http,target=… …

GuideLLM hands its prompts out through a subclass of PyTorch's DataLoader and uses nothing else of
PyTorch for text: the package brings gigabytes of GPU libraries along. Here that one class is stood
in for, in the process that hands prompts out instead of in a worker beside it. Everything that sends
requests, reads answers and takes times is GuideLLM's.
"""

import sys
from types import ModuleType
from typing import Generic, TypeVar

# These look for PyTorch once, and must not find what stands in for it.
import datasets  # noqa: F401
from transformers import AutoTokenizer  # noqa: F401

Item = TypeVar("Item")


class IterableDataset(Generic[Item]):
    """`torch.utils.data.dataset.IterableDataset`: something to iterate over."""


class DataLoader(Generic[Item]):
    """`torch.utils.data.dataloader.DataLoader` with batches of one, as GuideLLM asks for them."""

    def __init__(self, dataset, collate_fn, **_options):
        self.dataset = dataset
        self.collate_fn = collate_fn

    def __iter__(self):
        return (self.collate_fn([item]) for item in self.dataset)


class Generator:
    """`torch.Generator`, whose numbers only a shuffled dataset would need."""

    def manual_seed(self, _seed):
        return self


def module(name, **contents):
    made = ModuleType(name)
    vars(made).update(contents)
    return made


dataset = module("torch.utils.data.dataset", IterableDataset=IterableDataset)
dataloader = module("torch.utils.data.dataloader", DataLoader=DataLoader)
data = module("torch.utils.data", dataset=dataset, dataloader=dataloader, get_worker_info=lambda: None)
utils = module("torch.utils", data=data)
torch = module("torch", utils=utils, Generator=Generator)

# Only for as long as GuideLLM's loader is imported: other libraries would take the name for the
# whole of PyTorch. Worker processes import this file again, and do the same.
stand_in = {made.__name__: made for made in (torch, utils, data, dataset, dataloader)}
sys.modules.update(stand_in)
import guidellm.data.loaders  # noqa: E402

for name in stand_in:
    del sys.modules[name]

if __name__ == "__main__":
    from guidellm.cli import cli

    sys.exit(cli())
