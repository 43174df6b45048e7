"""Row numbers that are looked up in embedding tables, as our workloads draw them: uniform, or by Zipf's law
with ranks scattered over the table by a fixed permutation."""
import math


def lookups(rows, s, shape):
    import numpy as np
    random = np.random.default_rng(5)
    if s == 0:
        return random.integers(0, rows, shape, dtype=np.int32)
    share = np.cumsum(np.arange(1, rows + 1, dtype=np.float64) ** -s)
    rank = np.searchsorted(share, random.random(shape) * share[-1])
    step = next(n for n in range(int(rows * 0.618) | 1, 2 * rows + 2) if math.gcd(n, rows) == 1)
    return ((np.minimum(rank, rows - 1).astype(np.int64) * step + 12345) % rows).astype(np.int32)
