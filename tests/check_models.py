#!/usr/bin/env python3
"""The other lighthouse models redone with NumPy in double on the same seeded weights, and compared.

usage: check_models.py IRONROOF

As check_reference.py: the order of operators is written down here once more, from the papers, and only
offsets by name are read from the dump. Exit code 77: NumPy is not installed.
"""
import math
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is not installed")
    sys.exit(77)
import check_llama
from check_reference import Dump, compare


# ---- keyword spotting --------------------------------------------------------------------------------------
def same_padding(x, rows, columns, stride):
    """x [n][h][w][c], padded as TensorFlow's "same" does: the odd row below, the odd column to the right."""
    pads = [(0, 0)]
    for n, window in ((x.shape[1], rows), (x.shape[2], columns)):
        missing = max((math.ceil(n / stride) - 1) * stride + window - n, 0)
        pads.append((missing // 2, missing - missing // 2))
    return np.pad(x, pads + [(0, 0)])


def convolution(d, x, name, rows, columns, stride, depthwise=False):
    x = same_padding(x, rows, columns, stride)
    v = np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(1, 2))[:, ::stride, ::stride]
    w = d.matrix(name)
    if depthwise:
        y = np.einsum("nyxcij,cij->nyxc", v, w.reshape(-1, rows, columns))
    else:
        y = np.einsum("nyxcij,kijc->nyxk", v, w.reshape(w.shape[0], rows, columns, -1))
    return np.maximum(y + d.bias(name), 0)


def dscnn(d):
    x = d.raw("images.bin", "f32").reshape(d.row["conv1"]["batch"], 49, 10, 1).astype(np.float64)
    x = convolution(d, x, "conv1", 10, 4, 2)
    for i in range(1, 5):
        x = convolution(d, convolution(d, x, "dw%d" % i, 3, 3, 1, True), "pw%d" % i, 1, 1, 1)
    assert x.shape[1:] == (25, 5, 64)
    return x[:, :24].mean(axis=(1, 2)) @ d.matrix("fc").T + d.bias("fc")  # a pool of 24 x 5, valid


# ---- recommendation ----------------------------------------------------------------------------------------
def mlp(d, x, name, act):
    layers = sum(1 for n in d.row if n.startswith(name))
    for i in range(1, layers + 1):
        x = x @ d.matrix("%s%d" % (name, i)).T + d.bias("%s%d" % (name, i))
        x = np.maximum(x, 0) if i < layers else act(x)
    return x


def dlrm(d):
    bags, first = d.row["bags"], d.row["bottom1"]
    batch, dim = first["rows"], bags["c"]
    features = d.raw("features.bin", "i32")
    dense, rest = features[:batch * first["c"]].view("<f4"), features[batch * first["c"]:]
    begin, index = rest[:bags["rows"] + 1], rest[bags["rows"] + 1:]
    table = d.W[bags["W_at"]:bags["W_at"] + bags["nW"]].astype(np.float64).reshape(-1, dim)
    sums = np.array([table[index[begin[i]:begin[i + 1]]].sum(axis=0) for i in range(bags["rows"])])
    x = mlp(d, dense.reshape(batch, -1).astype(np.float64), "bottom", lambda t: np.maximum(t, 0))
    v = np.concatenate([x[:, None], sums.reshape(batch, -1, dim)], axis=1)
    if d.row["interaction"]["op"] == "concat":
        joined = v.reshape(batch, -1)
    else:
        dots = v @ v.transpose(0, 2, 1)
        joined = np.concatenate([x] + [dots[:, i, :i] for i in range(v.shape[1])], axis=1)
    return mlp(d, joined, "top", lambda t: 1 / (1 + np.exp(-t)))


# ---- encoders ----------------------------------------------------------------------------------------------
def norm(d, x, name, eps):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps)
    return x * d.bias(name, "g_at") + d.bias(name)


def linear(d, x, name):
    return x @ d.matrix(name).T + d.bias(name)


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def attention(d, x, at):
    heads, (batch, tokens, width) = d.row[at + "attention"]["heads"], x.shape
    q, k, v = linear(d, x, at + "qkv").reshape(batch, tokens, 3, heads, -1).transpose(2, 0, 3, 1, 4)
    p = q @ k.transpose(0, 1, 3, 2) / math.sqrt(width // heads)
    p = np.exp(p - p.max(-1, keepdims=True))
    y = (p / p.sum(-1, keepdims=True)) @ v
    return linear(d, y.transpose(0, 2, 1, 3).reshape(batch, tokens, width), at + "proj")


def parameter_rows(d, row, n, at, first_scale):
    """n rows of W from element `at`, as double, int8 scales applied."""
    w = d.W[at:at + n * row["c"]].astype(np.float64).reshape(n, row["c"])
    scale = row["s_at"] + first_scale
    return w * d.V[scale:scale + n, None].astype(np.float64) if d.dtype == "i8" else w


def layers_of(d):
    return sum(1 for n in d.row if n.endswith(".attention"))


def bert(d):
    e = d.row["embed"]
    vocab, context, tokens = e["vocab"], e["context"], e["tokens"]
    words = parameter_rows(d, e, vocab, e["W_at"], 0)
    places = parameter_rows(d, e, context + 2, e["P_at"], vocab)
    kind = np.arange(tokens) * 2 // tokens  # two sentences of one length
    x = words[d.raw("tokens.bin", "i32").reshape(-1, tokens)] + places[:tokens] + places[context + kind]
    x = norm(d, x, "ln", 1e-12)
    for l in range(layers_of(d)):
        at = "h%d." % l
        x = norm(d, x + attention(d, x, at), at + "ln1", 1e-12)
        x = norm(d, x + linear(d, gelu(linear(d, x, at + "fc")), at + "fcproj"), at + "ln2", 1e-12)
    return np.tanh(linear(d, x[:, 0], "pooler"))


def vit(d):
    p, t = d.row["patches"], d.row["tokens"]
    side, n, batch = p["r"], p["oh"], p["batch"]
    x = d.raw("images.bin", "f32").astype(np.float64).reshape(batch, n, side, n, side, 3)
    x = linear(d, x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, n * n, -1), "patch")
    start = np.broadcast_to(parameter_rows(d, t, 1, t["W_at"], 0), (batch, 1, t["c"]))
    x = np.concatenate([start, x], axis=1) + parameter_rows(d, t, n * n + 1, t["P_at"], 1)
    for l in range(layers_of(d)):
        at = "h%d." % l
        x = x + attention(d, norm(d, x, at + "ln1", 1e-6), at)
        x = x + linear(d, gelu(linear(d, norm(d, x, at + "ln2", 1e-6), at + "fc")), at + "fcproj")
    return linear(d, norm(d, x[:, 0], "lnf", 1e-6), "head")


def mixtral(d):
    return check_llama.llama(d)[0]


def main(argv):
    if len(argv) != 1:
        sys.stderr.write(__doc__)
        return 2
    points = [("dscnn:batch=3", dscnn), ("dscnn:batch=1,dtype=bf16", dscnn),
              ("dlrm:size=small,batch=5,rows=1000,zipf=105", dlrm),
              ("dlrm:size=rm1,batch=3,rows=500", dlrm), ("dlrm:size=small,batch=2,rows=300,dtype=bf16", dlrm),
              ("bert:size=tiny,batch=3,tokens=13", bert),
              ("bert:size=tiny,batch=1,tokens=40,dtype=bf16", bert),
              ("bert:size=tiny,batch=2,tokens=7,dtype=i8", bert),
              ("mixtral:size=tiny,batch=3,tokens=1,past=17,dtype=f32", mixtral),
              ("mixtral:size=tiny,batch=2,tokens=9,past=0,dtype=f32", mixtral),
              ("mixtral:size=tiny,batch=1,tokens=3,past=5,dtype=i8", mixtral),
              ("vit:size=tiny,batch=2,res=40", vit), ("vit:size=tiny,batch=1,res=24,dtype=i8", vit)]
    ok = True
    for point, net in points:
        with tempfile.TemporaryDirectory() as directory:
            d = (check_llama.Dump if net is mixtral else Dump)(argv[0], point, directory)
            ok &= compare(point, d.raw("logits.bin", "f32"), net(d), d.dtype)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
