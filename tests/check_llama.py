#!/usr/bin/env python3
"""The Llama-like step redone by NumPy in double on the same seeded weights, and compared.

usage: check_llama.py IRONROOF

As check_reference.py does for the other networks: `ironroof dump` gives the tensors, and the order of the
operators, the rotary positions with Llama 3's scaling, the blocks of weights and of the cache are written
down here once more. Exit code 77: NumPy is not installed.
"""
import sys
import tempfile

import check_reference as reference
from check_reference import np

# By what rounds: f32 sums; a cache of 16 or 8 bits; activations in int8.
EXACT, CACHE, INT8 = 2e-5, 1e-2, 5e-2
SMALL = "layers=2,width=256,heads=4,kv_heads=2,ff=512,vocab=500,"


class Dump(reference.Dump):
    def raw(self, name, dtype):
        return super().raw(name, {"i4": "i8", "f8": "i8"}.get(dtype, dtype))

    def weights(self, at, n, c):
        """Elements [at, at + n) in double, rows of c."""
        group = self.table["group"]
        if group:
            return self.groups(at // group, n // group, group).reshape(-1, c)
        w = self.W[at:at + n]
        if self.dtype == "f8":
            w = E4M3[w.view(np.uint8)]
        return w.astype(np.float64).reshape(-1, c)

    def groups(self, first, n, group):
        i4, raw = self.dtype == "i4", self.W.view(np.uint8)
        size = 2 + (group // 2 if i4 else group)
        block = raw[first * size:(first + n) * size].reshape(n, size)
        d = np.ascontiguousarray(block[:, :2]).view("<f2").astype(np.float64)
        if not i4:
            return d * block[:, 2:].view(np.int8)
        q = block[:, 2:].reshape(n, group // 32, 16)
        q = np.concatenate([q & 15, q >> 4], axis=2).reshape(n, group).astype(np.float64)
        z = 8
        if self.table["zeros"]:
            plane, at = raw[self.table["nW"] // group * size:], first + np.arange(n)
            z = (plane[at // 2] >> (at % 2 * 4) & 15).astype(np.float64)[:, None]
        return d * (q - z)

    def matrix(self, name):
        r = self.row[name]
        w = self.weights(r["W_at"], r["nW"], r["c"])
        if r["s_at"] >= 0 and self.dtype in ("i8", "f8"):
            w = w * self.V[r["s_at"]:r["s_at"] + w.shape[0], None].astype(np.float64)
        return w

    def cache(self, name, shape):
        """A cache as [layer][2][batch][heads][rows][dh] in double."""
        if self.table["kv_dtype"] != "i8":
            return self.raw(name, self.table["kv_dtype"]).astype(np.float64).reshape(shape)
        block = self.raw(name, "i8").view(np.uint8).reshape(-1, 34)
        d = np.ascontiguousarray(block[:, :2]).view("<f2").astype(np.float64)
        return (d * block[:, 2:].view(np.int8)).reshape(shape)


def e4m3():
    b = np.arange(256)
    e, m = b >> 3 & 15, b & 7
    v = np.where(e == 0, m * 2.0 ** -9, (8 + m) * 2.0 ** (e - 10.0))
    v[b & 127 == 127] = np.nan
    return np.where(b > 127, -v, v)


E4M3 = e4m3()


def turned(x, rope, positions):
    """x [..., tokens, dh] by its positions."""
    dh = x.shape[-1]
    f = rope["theta"] ** (-np.arange(0, dh, 2) / dh)
    if rope["factor"] > 1:
        wave = 2 * np.pi / f
        smooth = (rope["original"] / wave - rope["low"]) / (rope["high"] - rope["low"])
        middle = (1 - smooth) * f / rope["factor"] + smooth * f
        f = np.where(wave > rope["original"] / rope["low"], f / rope["factor"],
                     np.where(wave < rope["original"] / rope["high"], f, middle))
    z = np.exp(1j * positions[:, None] * f)
    if rope["pairs"] == "even":
        y = (x[..., 0::2] + 1j * x[..., 1::2]) * z
        return np.stack([y.real, y.imag], -1).reshape(x.shape)
    y = (x[..., :dh // 2] + 1j * x[..., dh // 2:]) * z
    return np.concatenate([y.real, y.imag], -1)


def experts(d, u, name):
    """A mixture of experts: each token through `top` of them, weighted by a softmax over their logits."""
    r = d.row[name]
    c, ff, count, top = r["c"], r["ff"], r["experts"], r["top"]

    def matrix(at, scale, rows, width):
        w = d.weights(r["W_at"] + at, rows * width, width)
        s = r["s_at"] + scale
        return w * d.V[s:s + rows, None].astype(np.float64) if d.dtype in ("i8", "f8") else w

    logits, out = u @ matrix(0, 0, count, c).T, np.zeros_like(u)
    chosen = np.argsort(-logits, axis=-1, kind="stable")[..., :top]
    share = np.exp(np.take_along_axis(logits, chosen, -1) - logits.max(-1, keepdims=True))
    share /= share.sum(-1, keepdims=True)
    for e in range(count):
        at, s = count * c + 3 * e * c * ff, count + e * (2 * ff + c)
        g = u @ matrix(at, s, ff, c).T
        h = g / (1 + np.exp(-g)) * (u @ matrix(at + c * ff, s + ff, ff, c).T)
        weight = (share * (chosen == e)).sum(-1, keepdims=True)
        out += weight * (h @ matrix(at + 2 * c * ff, s + 2 * ff, c, ff).T)
    return out


def llama(d):
    """Logits of the last tokens; the new keys and values."""
    e, a = d.row["embed"], d.row["h0.attention"]
    B, T, past, heads, shared, dh = e["batch"], e["tokens"], e["past"], a["heads"], a["kv_heads"], a["dh"]
    layers = sum(1 for n in d.row if n.endswith(".attention"))
    table = d.weights(e["W_at"], e["nW"], e["c"])
    if e["s_at"] >= 0 and d.dtype in ("i8", "f8"):
        table = table * d.V[e["s_at"]:e["s_at"] + e["vocab"], None].astype(np.float64)
    before = d.cache("KV.bin", (layers, 2, B, shared, d.table["kv_cap"], dh))[:, :, :, :, :past]
    mask, positions = np.triu(np.full((T, past + T), -np.inf), past + 1), past + np.arange(T)

    def norm(x, name):
        return x / np.sqrt(np.mean(x ** 2, -1, keepdims=True) + d.row[name]["eps"]) * d.bias(name, "g_at")

    def linear(x, name):
        return x @ d.matrix(name).T + (d.bias(name) if d.row[name]["b_at"] >= 0 else 0)

    x, fresh = table[d.raw("tokens.bin", "i32").reshape(B, T)], []
    for l in range(layers):
        at = "h%d." % l
        qkv = linear(norm(x, at + "ln1"), at + "qkv").reshape(B, T, heads + 2 * shared, dh)
        qkv = qkv.transpose(0, 2, 1, 3)
        q = turned(qkv[:, :heads], a["rope"], positions)
        new = [turned(qkv[:, heads:heads + shared], a["rope"], positions), qkv[:, heads + shared:]]
        fresh.append(new)
        k, v = (np.repeat(np.concatenate([before[l, i], new[i]], axis=2), heads // shared, axis=1)
                for i in range(2))
        p = q @ k.transpose(0, 1, 3, 2) / np.sqrt(dh) + mask
        p = np.exp(p - p.max(-1, keepdims=True))
        y = (p / p.sum(-1, keepdims=True)) @ v
        x = x + linear(y.transpose(0, 2, 1, 3).reshape(B, T, heads * dh), at + "proj")
        u = norm(x, at + "ln2")
        if at + "experts" in d.row:
            x = x + experts(d, u, at + "experts")
            continue
        g = linear(u, at + "gate")
        x = x + linear(g / (1 + np.exp(-g)) * linear(u, at + "up"), at + "down")
    return linear(norm(x, "lnf")[:, -1], "head"), np.array(fresh)


def near(what, got, want, limit):
    got, want = np.asarray(got, np.float64).ravel(), np.asarray(want, np.float64).ravel()
    rms = np.sqrt(np.mean((got - want) ** 2) / np.mean(want ** 2))
    ok = got.shape == want.shape and rms <= limit  # false for NaN
    print("%-4s %-110s rms %.2e, allowed %.0e" % ("ok" if ok else "FAIL", what, rms, limit))
    return ok


def check(ironroof, keys, kernel, limit):
    point = "llama:" + keys
    with tempfile.TemporaryDirectory() as directory:
        d = Dump(ironroof, point, directory, ("--filter", "/%s$" % kernel))
        a = d.row["h0.attention"]
        logits, fresh = llama(d)
        after = d.cache("KV.after.bin", (-1, 2, a["batch"], a["kv_heads"], d.table["kv_cap"], a["dh"]))
        ok = near("%s, %s" % (point, kernel), d.raw("logits.bin", "f32"), logits, limit)
        return near("  new rows of the cache", after[:, :, :, :, a["past"]:], fresh, limit) and ok


def main(argv):
    if len(argv) != 1:
        sys.stderr.write(__doc__)
        return 2
    points = [("size=tiny,batch=2,tokens=5,past=9,dtype=f32", "stream", EXACT),
              ("size=tiny,tokens=1,past=47,dtype=f32", "naive", EXACT),
              ("size=1b," + SMALL + "tokens=3,past=40,dtype=f32", "stream", EXACT),
              ("size=1b," + SMALL + "pairs=even,head=own,theta=9000,tokens=2,past=3,dtype=f32", "stream",
               EXACT),
              ("size=qwen-0.5b," + SMALL + "batch=2,tokens=1,past=17,dtype=f32", "stream", EXACT),
              ("size=qwen-0.5b," + SMALL + "tokens=40,past=0,dtype=bf16", "stream", CACHE),
              ("size=1b," + SMALL + "tokens=1,past=9,dtype=f32,kv=i8", "stream", CACHE),
              ("size=1b," + SMALL + "tokens=1,past=9,dtype=f8", "stream", CACHE),
              ("size=1b," + SMALL + "tokens=1,past=9,dtype=i8", "stream", CACHE)]
    for dtype, form in (("i4", "g32"), ("i4", "g64z"), ("i4", "g128"), ("i8", "g32"), ("i8", "g128")):
        keys = "size=8b," + SMALL + "tokens=1,past=9,dtype=%s,format=%s,kv=f32" % (dtype, form)
        points += [(keys, "exact", EXACT), (keys, "stream", INT8)]
    return 0 if all([check(argv[0], *p) for p in points]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
