#!/usr/bin/env python3
"""Networks redone by other programs on the same seeded weights, and compared.

usage: check_reference.py IRONROOF [--large]

Calls `ironroof dump` for points of the networks and computes them again from the dumped tensors with NumPy in
double (needs: numpy), and, where onnx and onnxruntime are there, with ONNX Runtime in f32. The order of
ResNet-50's and GPT-2's operators is written down here once more, not read from the dump: of that only offsets
by name are used. --large: also ResNet-50 at 224x224 and GPT-2 small with 512 tokens. Exit code 77: NumPy is
not installed.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is not installed")
    sys.exit(77)
try:
    import onnx
    import onnxruntime
    from onnx import helper
except ImportError:
    onnx = None

# Root mean square of the difference over that of the result. f32 kernels sum up to 4608 products serially,
# through
# 53 layers; weights of other types are exact here, only the f16/bf16 key-value cache is rounded at other
# places.
LIMIT = {"f32": 2e-5, "f16": 2e-3, "bf16": 1e-2, "i8": 1e-2}


class Dump:
    """One dumped point: tensors by name, rows by name."""

    def __init__(self, ironroof, point, directory, extra=()):
        command = [ironroof, "dump", point, "-o", directory] + list(extra)
        # a dtype that only the naive rung computes
        if subprocess.run(command, stderr=subprocess.DEVNULL).returncode:
            subprocess.run(command + ["--filter", "/naive$"], check=True)
        with open(os.path.join(directory, "layout.json")) as f:
            self.table = json.load(f)
        self.dtype = self.table["dtype"]
        self.row = {r["name"]: r for r in self.table["rows"]}
        self.directory = directory
        self.W = self.raw("W.bin", self.dtype)
        self.V = self.raw("V.bin", "f32")

    def raw(self, name, dtype):
        path = os.path.join(self.directory, name)
        if dtype == "bf16":
            return (np.fromfile(path, "<u2").astype("<u4") << 16).view("<f4")
        return np.fromfile(path, {"f32": "<f4", "f16": "<f2", "i8": "i1", "i32": "<i4"}[dtype])

    def matrix(self, name):
        """Weights [out][rest] as f32, int8 scales applied."""
        r = self.row[name]
        w = self.W[r["W_at"]:r["W_at"] + r["nW"]].astype(np.float64).reshape(r["k"], -1)
        if self.dtype == "i8":
            w = w * self.V[r["s_at"]:r["s_at"] + r["k"], None].astype(np.float64)
        return w

    def bias(self, name, field="b_at"):
        r = self.row[name]
        return self.V[r[field]:r[field] + r["k"]].astype(np.float64)


# ---- images ------------------------------------------------------------------------------------------------
def windows(x, size, stride, fill=0.0):
    """x [n][h][w][c] -> [n][oh][ow][size][size][c], padded by size/2."""
    p = size // 2
    x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=fill)
    v = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    return np.moveaxis(v[:, ::stride, ::stride], 3, 5)


class NumpyImages:
    """The operators that resnet50() and mobilenetv2() are written in."""

    def __init__(self, d):
        self.d = d

    def conv(self, x, name, size, stride, act, add=None, depthwise=False):
        w, v = self.d.matrix(name), windows(x, size, stride)
        if depthwise:
            y = np.einsum("nyxijc,cij->nyxc", v, w.reshape(-1, size, size))
        else:
            y = v.reshape(v.shape[:3] + (-1,)) @ w.T
        y = y + self.d.bias(name)
        if add is not None:
            y = y + add
        return {"relu": lambda t: np.maximum(t, 0), "relu6": lambda t: np.clip(t, 0, 6),
                "none": lambda t: t}[act](y)

    def maxpool(self, x):
        return windows(x, 3, 2, -np.inf).max(axis=(3, 4))

    def head(self, x):
        return x.mean(axis=(1, 2)) @ self.d.matrix("fc").T + self.d.bias("fc")


class OnnxImages:
    """The same operators as nodes of an ONNX graph (NCHW)."""

    def __init__(self, d, shape):
        self.d, self.nodes, self.const, self.shape = d, [], [], shape

    def node(self, op, inputs, **attributes):
        out = "t%d" % len(self.nodes)
        self.nodes.append(helper.make_node(op, inputs, [out], **attributes))
        return out

    def constant(self, value):
        name = "c%d" % len(self.const)
        self.const.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))
        return name

    def conv(self, x, name, size, stride, act, add=None, depthwise=False):
        w = self.d.matrix(name)
        w = w.reshape(w.shape[0], size, size, -1).transpose(0, 3, 1, 2)
        y = self.node("Conv", [x, self.constant(w), self.constant(self.d.bias(name))],
                      kernel_shape=[size, size],
                      strides=[stride, stride], pads=[size // 2] * 4, group=w.shape[0] if depthwise else 1)
        if add is not None:
            y = self.node("Add", [y, add])
        if act == "relu6":
            return self.node("Clip", [y, self.constant(np.array(0)), self.constant(np.array(6))])
        return self.node("Relu", [y]) if act == "relu" else y

    def maxpool(self, x):
        return self.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)

    def head(self, x):
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        return self.node("Gemm", [x, self.constant(self.d.matrix("fc")), self.constant(self.d.bias("fc"))],
                         transB=1)

    def run(self, output, x):
        f32 = onnx.TensorProto.FLOAT
        graph = helper.make_graph(self.nodes, "net", [helper.make_tensor_value_info("x", f32, x.shape)],
                                  [helper.make_tensor_value_info(output, f32, None)], self.const)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x})[0]


def resnet50(o, x):
    x = o.maxpool(o.conv(x, "conv1", 7, 2, "relu"))
    for stage, blocks in ((2, 3), (3, 4), (4, 6), (5, 3)):
        for b in range(1, blocks + 1):
            stride, at = 2 if b == 1 and stage > 2 else 1, "conv%d_%d_" % (stage, b)
            y = o.conv(o.conv(x, at + "1x1a", 1, 1, "relu"), at + "3x3", 3, stride, "relu")
            x = o.conv(y, at + "1x1b", 1, 1, "relu",
                       add=o.conv(x, at + "proj", 1, stride, "none") if b == 1 else x)
    return o.head(x)


def mobilenetv2(o, x):
    x, number, channels = o.conv(x, "conv0", 3, 2, "relu6"), 0, 32
    for t, c, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                       (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(n):
            number, stride = number + 1, s if i == 0 else 1
            y, at = x, "b%d_" % number
            if t > 1:
                y = o.conv(y, at + "expand", 1, 1, "relu6")
            y = o.conv(y, at + "dw", 3, stride, "relu6", depthwise=True)
            x = o.conv(y, at + "project", 1, 1, "none", add=x if stride == 1 and channels == c else None)
            channels = c
    return o.head(o.conv(x, "conv_last", 1, 1, "relu6"))


# ---- GPT-2 -------------------------------------------------------------------------------------------------
def gpt2(d):
    """Logits of the last tokens; keys and values of the new ones as [layer][2][batch][heads][tokens][dh]."""
    e, a = d.row["embed"], d.row["h0.attention"]
    B, T, past, heads, dh, cap = e["batch"], e["tokens"], e["past"], a["heads"], a["dh"], d.table["kv_cap"]
    width, layers = e["c"], sum(1 for n in d.row if n.endswith(".attention"))
    table = d.W[e["W_at"]:e["W_at"] + e["vocab"] * width].astype(np.float64).reshape(-1, width)
    position = d.W[e["P_at"]:e["P_at"] + e["context"] * width].astype(np.float64).reshape(-1, width)
    if d.dtype == "i8":
        scale = d.V[e["s_at"]:e["s_at"] + e["vocab"] + e["context"], None].astype(np.float64)
        table, position = table * scale[:e["vocab"]], position * scale[e["vocab"]:]
    cache = d.raw("KV.bin", d.table["kv_dtype"]).astype(np.float64)
    cache = cache.reshape(layers, 2, B, heads, cap, dh)[:, :, :, :, :past]

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * d.bias(name, "g_at") + d.bias(name)

    def linear(x, name):
        return x @ d.matrix(name).T + d.bias(name)

    x, fresh = table[d.raw("tokens.bin", "i32").reshape(B, T)] + position[past:past + T], []
    mask = np.triu(np.full((T, past + T), -np.inf), past + 1)
    for l in range(layers):
        at = "h%d." % l
        qkv = linear(norm(x, at + "ln1"), at + "qkv").reshape(B, T, 3, heads, dh).transpose(2, 0, 3, 1, 4)
        fresh.append(qkv[1:])
        k, v = (np.concatenate([cache[l, i], qkv[1 + i]], axis=2) for i in range(2))
        p = qkv[0] @ k.transpose(0, 1, 3, 2) / np.sqrt(dh) + mask
        p = np.exp(p - p.max(-1, keepdims=True))
        y = (p / p.sum(-1, keepdims=True)) @ v
        x = x + linear(y.transpose(0, 2, 1, 3).reshape(B, T, width), at + "proj")
        u = linear(norm(x, at + "ln2"), at + "fc")
        x = x + linear(0.5 * u * (1 + np.tanh(np.sqrt(2 / np.pi) * (u + 0.044715 * u ** 3))), at + "fcproj")
    return norm(x, "lnf")[:, -1] @ table.T, np.array(fresh)


# ---- comparing ---------------------------------------------------------------------------------------------
def compare(what, got, want, dtype):
    got, want = np.asarray(got, np.float64).ravel(), np.asarray(want, np.float64).ravel()
    scale = np.sqrt(np.mean(want ** 2))
    rms, most = np.sqrt(np.mean((got - want) ** 2)) / scale, np.abs(got - want).max() / scale
    ok = got.shape == want.shape and rms <= LIMIT[dtype]  # false for NaN
    print("%-4s %-62s rms %.2e, largest %.2e, allowed rms %.0e"
          % ("ok" if ok else "FAIL", what, rms, most, LIMIT[dtype]))
    return ok


def check_images(ironroof, point, net, directory):
    d = Dump(ironroof, point, directory)
    r = next(iter(d.row.values()))
    x = d.raw("images.bin", "f32").reshape(r["batch"], r["h"], r["w"], 3)
    out = d.raw("logits.bin", "f32")
    ok = compare(point + ", NumPy", out, net(NumpyImages(d), x.astype(np.float64)), d.dtype)
    if onnx:
        o = OnnxImages(d, x.shape)
        ok &= compare(point + ", ONNX Runtime", out,
                      o.run(net(o, "x"), np.ascontiguousarray(x.transpose(0, 3, 1, 2))), d.dtype)
    return ok


def check_gpt2(ironroof, point, directory):
    d = Dump(ironroof, point, directory)
    a = d.row["h0.attention"]
    logits, fresh = gpt2(d)
    after = d.raw("KV.after.bin", d.table["kv_dtype"]).reshape(-1, 2, a["batch"], a["heads"],
                                                               d.table["kv_cap"], a["dh"])
    ok = compare(point + ", NumPy", d.raw("logits.bin", "f32"), logits, d.dtype)
    return compare(point + ", cache", after[:, :, :, :, a["past"]:], fresh, d.dtype) and ok


def main(argv):
    large = "--large" in argv
    argv = [a for a in argv if a != "--large"]
    if len(argv) != 1:
        sys.stderr.write(__doc__)
        return 2
    images = [("resnet50:batch=2,res=64", resnet50), ("resnet50:batch=1,res=64,dtype=bf16", resnet50),
              ("mobilenetv2:batch=2,res=64", mobilenetv2)]
    texts = ["gpt2:size=small,batch=2,tokens=6,past=9", "gpt2:size=small,batch=1,tokens=1,past=128",
             "gpt2:size=small,batch=1,tokens=8,past=0",
             "gpt2:size=small,batch=1,tokens=1,past=128,dtype=bf16",
             "gpt2:size=small,batch=1,tokens=1,past=33,dtype=f16",
             "gpt2:size=small,batch=1,tokens=1,past=128,dtype=i8"]
    if large:
        images.append(("resnet50:batch=1,res=224", resnet50))
        texts.append("gpt2:size=small,batch=1,tokens=512,past=0")
    if not onnx:
        print("ONNX Runtime is not checked: onnx and onnxruntime are not installed")
    ok = True
    for point, net in images:
        with tempfile.TemporaryDirectory() as directory:
            ok &= check_images(argv[0], point, net, directory)
    for point in texts:
        with tempfile.TemporaryDirectory() as directory:
            ok &= check_gpt2(argv[0], point, directory)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
