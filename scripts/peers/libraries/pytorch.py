"""PyTorch on the CPU: eager, no gradients."""
import os
import sys

from . import Work, needed
from .draws import lookups
from .graphs import DLRM


def finished(torch, call, runs):
    """The work, with its last output kept."""
    last = []

    def once():
        last[:] = [call()]

    return Work(once, torch.__version__, lambda: last[0].float().numpy(), runs)


def counted(call):
    """What PyTorch itself counts of a call: multiply-adds of products and convolutions, twice."""
    from torch.utils.flop_counter import FlopCounterMode
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def resnet50(torch, models, asked):
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[asked.get("dtype", "f32")]
    model = models.ResNet50().to(dtype).eval().to(memory_format=torch.channels_last)
    x = torch.randn(asked.number("batch"), 3, 224, 224, dtype=dtype).to(memory_format=torch.channels_last)
    call = lambda: model(x)
    read = sum(p.nbytes for p in model.parameters())
    return finished(torch, call, {"flops": counted(call), "weights_B": read})


def gpt2(torch, models, asked):
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[asked["dtype"]]
    past, tokens, batch = asked.number("past"), asked.number("tokens"), asked.number("batch")
    model = models.GPT(*models.SIZES[asked["size"]], batch=batch, cap=past + tokens).to(dtype).eval()
    x = torch.randint(50257, (batch, tokens))
    call = lambda: model(x, past)
    # Of causal scores PyTorch counts those that are masked, too.
    return finished(torch, call, {"flops": counted(call)} if past else {})


# ---- recommendation --------------------------------------------------------------------------------------
def bag_of(torch, rows, c, index):
    """A call that sums table rows for each row of `index`, and what it reads."""
    table = torch.empty(rows, c).uniform_(-1, 1)
    index = torch.from_numpy(index)
    bags, each = index.shape
    flat, begin = index.reshape(-1), torch.arange(0, bags * each + 1, each, dtype=torch.int32)
    call = lambda: torch.nn.functional.embedding_bag(flat, table, begin, mode="sum", include_last_offset=True)
    return call, {"flops": bags * c * (each - 1), "weights_B": 4 * bags * each * c}


def bag(torch, models, asked):
    rows, s = asked.number("rows"), asked.number("zipf") / 100
    index = lookups(rows, s, (asked.number("bags"), asked.number("lookups")))
    call, runs = bag_of(torch, rows, asked.number("c"), index)
    return finished(torch, call, runs)


def layers(torch, widths, last):
    """Fully connected layers with ReLU between them, `last` behind them."""
    parts = []
    for c, k in zip(widths, widths[1:]):
        parts += [torch.nn.Linear(c, k), torch.nn.ReLU()]
    return torch.nn.Sequential(*parts[:-1], last)


def dlrm(torch, models, asked):
    import numpy as np
    tables, rows, d, each, bottom, top = DLRM[asked["size"]]
    batch, n = asked.number("batch"), tables + 1
    index = lookups(rows, asked.number("zipf") / 100, (batch, tables, each))
    index += (np.arange(tables, dtype=np.int32) * rows)[None, :, None]
    bags, runs = bag_of(torch, tables * rows, d, index.reshape(batch * tables, each))
    below, above = layers(torch, bottom, torch.nn.ReLU()), \
        layers(torch, (d + n * (n - 1) // 2, *top), torch.nn.Sigmoid())
    first, second = torch.tril_indices(n, n, -1)
    x = torch.randn(batch, bottom[0])

    def call():
        y = below(x)
        v = torch.cat([y[:, None], bags().view(batch, tables, d)], dim=1)
        dots = torch.bmm(v, v.transpose(1, 2))[:, first, second]
        return above(torch.cat([y, dots], dim=1))

    linear = [m for part in (below, above) for m in part if isinstance(m, torch.nn.Linear)]
    macs = sum(m.weight.numel() for m in linear) + d * n * (n - 1) // 2
    runs["flops"] += 2 * batch * macs
    runs["weights_B"] += 4 * sum(p.numel() for m in linear for p in m.parameters())
    return finished(torch, call, runs)


NETWORKS = {f.__name__: f for f in (resnet50, gpt2, bag, dlrm)}


def torch(asked):
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with needed("torch"):
        import torch
        import torch_bench as models
    torch.set_num_threads(asked.threads)
    torch.set_grad_enabled(False)
    return NETWORKS[asked.work](torch, models, asked)
