#!/usr/bin/env python3
"""cpu_worker.py LIBRARY WORK [key=value ...] -- one library at one piece of work, for cpu.py.

Prints "ready NAME VERSION" once the work is set up and was done once, then for every line on stdin the
seconds of one call (the median of calls that fill half a second), and ends with its stdin. A library that is
not here is "missing REASON". The work is that of our own rows: same shapes, same element types, random
weights, `threads` threads."""
import os, statistics, sys, time

ASKED = dict(a.split("=", 1) for a in sys.argv[3:])
THREADS = int(ASKED.get("threads", os.cpu_count() or 1))
CALLS_S = 0.5


class Missing(Exception):
    pass


# ---- BLAS by its C interface ----------------------------------------------------------------------------
BLAS = {"openblas": ("libopenblas.so.0", "openblas_set_num_threads", "package libopenblas0-pthread"),
        "blis": ("libblis.so.4", "bli_thread_set_num_threads", "package libblis4-pthread"),
        "openblas-new": (None, "scipy_openblas_set_num_threads", "package scipy-openblas32")}


def blas_library(name):
    import ctypes
    file, set_threads, package = BLAS[name]
    prefix = ""
    try:
        if file is None:
            import scipy_openblas32
            folder = scipy_openblas32.get_lib_dir()
            file, prefix = os.path.join(folder, next(f for f in os.listdir(folder) if ".so" in f)), "scipy_"
        lib = ctypes.CDLL(file)
    except (OSError, ImportError, StopIteration) as e:
        raise Missing(f"{package}: {e}")
    getattr(lib, set_threads)(ctypes.c_int(THREADS))
    version = ""
    if name != "blis":
        config = getattr(lib, prefix + "openblas_get_config")
        config.restype = ctypes.c_char_p
        version = " ".join(config().decode().split())
    else:
        info = lib.bli_info_get_version_str
        info.restype = ctypes.c_char_p
        version = info().decode()
    return lib, prefix, version


def gemm(library):
    import array, ctypes
    m, n, k = (int(ASKED[d]) for d in "mnk")
    double = ASKED["dtype"] == "f64"
    lib, prefix, version = blas_library(library)
    number, code = (ctypes.c_double, "d") if double else (ctypes.c_float, "f")
    f = getattr(lib, prefix + ("cblas_dgemm" if double else "cblas_sgemm"))

    def matrix(rows, cols):  # aligned to a page, filled with small numbers
        room = ctypes.create_string_buffer(rows * cols * ctypes.sizeof(number) + 4096)
        at = (ctypes.addressof(room) + 4095) // 4096 * 4096
        some = array.array(code, [((i * 37) % 97 - 48) / 64 for i in range(cols)]).tobytes()
        for r in range(rows):
            ctypes.memmove(at + r * len(some), some, len(some))
        return room, ctypes.c_void_p(at)

    a, b, c = matrix(m, k), matrix(k, n), matrix(m, n)
    one, zero = number(1), number(0)
    f.argtypes = [ctypes.c_int] * 6 + [number, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int,
                                       number, ctypes.c_void_p, ctypes.c_int]
    f.restype = None
    keep = (a, b, c)
    return lambda: keep and f(101, 111, 111, m, n, k, one, a[1], k, b[1], n, zero, c[1], n), version


# ---- image networks as ONNX graphs: ONNX Runtime, OpenVINO ----------------------------------------------
class Graph:
    """Convolutions with bias, ReLU and residuals folded as our tables have them."""

    def __init__(self):
        import numpy
        from onnx import helper, numpy_helper
        self.np, self.h, self.keep = numpy, helper, numpy_helper.from_array
        self.nodes, self.weights, self.n = [], [], 0
        self.random = numpy.random.default_rng(1)

    def add(self, op, inputs, **attributes):
        self.n += 1
        self.nodes.append(self.h.make_node(op, inputs, [f"t{self.n}"], **attributes))
        return f"t{self.n}"

    def weight(self, *shape):
        scale = (2 / self.np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.1
        name = f"w{len(self.weights)}"
        self.weights.append(self.keep((self.random.standard_normal(shape) * scale).astype("float32"), name))
        return name

    def conv(self, x, c, k, size, stride=1, groups=1):
        pad = (size - 1) // 2
        return self.add("Conv", [x, self.weight(k, c // groups, size, size), self.weight(k)],
                        kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)

    def relu6(self, x):
        low, high = "zero", "six"
        if not any(w.name == low for w in self.weights):
            self.weights += [self.keep(self.np.array(v, "float32"), n) for v, n in ((0, low), (6, high))]
        return self.add("Clip", [x, low, high])

    def head(self, x, c):
        x = self.add("Flatten", [self.add("GlobalAveragePool", [x])])
        return self.add("Gemm", [x, self.weight(1000, c), self.weight(1000)], transB=1)

    def save(self, y, batch, path):
        import onnx
        tensor = self.h.make_tensor_value_info
        graph = self.h.make_graph(self.nodes, "net", [tensor("x", 1, [batch, 3, 224, 224])],
                                  [tensor(y, 1, [batch, 1000])], self.weights)
        model = self.h.make_model(graph, opset_imports=[self.h.make_opsetid("", 13)])
        model.ir_version = 8
        onnx.save(model, path)


def resnet50(g):
    relu = lambda x: g.add("Relu", [x])
    x = g.add("MaxPool", [relu(g.conv("x", 3, 64, 7, 2))], kernel_shape=[3, 3], strides=[2, 2],
              pads=[1, 1, 1, 1])
    c = 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(blocks):
            s = stride if i == 0 else 1
            short = g.conv(x, c, 4 * width, 1, s) if i == 0 else x
            y = relu(g.conv(relu(g.conv(x, c, width, 1)), width, width, 3, s))
            x, c = relu(g.add("Add", [g.conv(y, width, 4 * width, 1), short])), 4 * width
    return g.head(x, c)


def mobilenetv2(g):
    x, c = g.relu6(g.conv("x", 3, 32, 3, 2)), 32
    for t, k, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                       (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(n):
            stride = s if i == 0 else 1
            y = g.relu6(g.conv(x, c, t * c, 1)) if t > 1 else x
            y = g.conv(g.relu6(g.conv(y, t * c, t * c, 3, stride, t * c)), t * c, k, 1)
            x, c = g.add("Add", [y, x]) if stride == 1 and c == k else y, k
    return g.head(g.relu6(g.conv(x, c, 1280, 1)), 1280)


def graph_file(work, batch):
    import tempfile
    try:
        import onnx  # noqa: F401
    except ImportError as e:
        raise Missing(f"package onnx: {e}")
    g = Graph()
    path = os.path.join(tempfile.mkdtemp(prefix="cpu_peer_"), work + ".onnx")
    g.save({"resnet50": resnet50, "mobilenetv2": mobilenetv2}[work](g), batch, path)
    return path


def forget(path):
    os.unlink(path)
    os.rmdir(os.path.dirname(path))


def image(batch):
    import numpy
    return numpy.random.default_rng(2).standard_normal((batch, 3, 224, 224)).astype("float32")


def onnxruntime(work):
    try:
        import onnxruntime as ort
    except ImportError as e:
        raise Missing(f"package onnxruntime: {e}")
    batch = int(ASKED["batch"])
    path = graph_file(work, batch)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    forget(path)
    x = image(batch)
    return lambda: session.run(None, {"x": x}), ort.__version__


def openvino(work):
    try:
        import openvino as ov
    except ImportError as e:
        raise Missing(f"package openvino: {e}")
    batch = int(ASKED["batch"])
    path = graph_file(work, batch)
    core = ov.Core()
    hints = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
             "INFERENCE_PRECISION_HINT": "f32"}
    model = core.compile_model(core.read_model(path), "CPU", hints)
    forget(path)
    request, x = model.create_infer_request(), image(batch)
    return lambda: request.infer({0: x}, share_inputs=True), ov.__version__


# ---- PyTorch ---------------------------------------------------------------------------------------------
def torch(work):
    try:
        import torch
        import torch_bench as models
    except (ImportError, SystemExit) as e:
        raise Missing(f"package torch: {e}")
    torch.set_num_threads(THREADS)
    torch.set_grad_enabled(False)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[ASKED.get("dtype", "f32")]
    batch = int(ASKED["batch"])
    if work == "resnet50":
        model = models.ResNet50().to(dtype).eval().to(memory_format=torch.channels_last)
        x = torch.randn(batch, 3, 224, 224, dtype=dtype).to(memory_format=torch.channels_last)
        return lambda: model(x), torch.__version__
    past, tokens = int(ASKED["past"]), int(ASKED["tokens"])
    model = models.GPT(*models.SIZES[ASKED["size"]], batch=batch, cap=past + tokens).to(dtype).eval()
    x = torch.randint(50257, (batch, tokens))
    return lambda: model(x, past), torch.__version__


# ---- llama.cpp --------------------------------------------------------------------------------------------
GPT2 = {"small": (12, 768, 12), "medium": (24, 1024, 16), "large": (36, 1280, 20), "xl": (48, 1600, 25)}


def gguf_file(size, dtype):
    """A GPT-2 of random weights; matrices in f32, bf16, or q8_0 (int8 with a scale for 32)."""
    import tempfile
    try:
        import gguf, numpy as np
    except ImportError as e:
        raise Missing(f"package gguf: {e}")
    layers, d, heads = GPT2[size]
    vocab, context, rng = 50257, 1024, np.random.default_rng(3)
    kind = {"f32": None, "bf16": gguf.GGMLQuantizationType.BF16, "i8": gguf.GGMLQuantizationType.Q8_0}[dtype]
    path = os.path.join(tempfile.mkdtemp(prefix="cpu_peer_"), "gpt2.gguf")
    w = gguf.GGUFWriter(path, "gpt2")
    w.add_context_length(context), w.add_embedding_length(d), w.add_block_count(layers)
    w.add_feed_forward_length(4 * d), w.add_head_count(heads), w.add_layer_norm_eps(1e-5)
    w.add_vocab_size(vocab), w.add_tokenizer_model("none")

    def put(name, *shape):
        x = (rng.standard_normal(shape, dtype="float32") * 0.02).astype("float32")
        if len(shape) == 2 and kind is not None and not name.startswith("position"):
            w.add_tensor(name, gguf.quants.quantize(x, kind), raw_dtype=kind)
        else:
            w.add_tensor(name, x)

    put("token_embd.weight", vocab, d), put("position_embd.weight", context, d)
    for n in ("output_norm",):
        put(n + ".weight", d), put(n + ".bias", d)
    for i in range(layers):
        for n, shape in (("attn_norm", None), ("attn_qkv", (3 * d, d)), ("attn_output", (d, d)),
                         ("ffn_norm", None), ("ffn_up", (4 * d, d)), ("ffn_down", (d, 4 * d))):
            put(f"blk.{i}.{n}.weight", *(shape or (d,))), put(f"blk.{i}.{n}.bias", (shape or (d,))[0])
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()
    return path


def llama(work):
    import ctypes
    try:
        import llama_cpp as L
    except ImportError as e:
        raise Missing(f"package llama-cpp-python: {e}")
    past, tokens = int(ASKED["past"]), int(ASKED["tokens"])
    path = gguf_file(ASKED["size"], ASKED["dtype"])
    quiet = L.llama_log_callback(lambda *a: None)
    L.llama_log_set(quiet, ctypes.c_void_p(0))
    L.llama_backend_init()
    how = L.llama_model_default_params()
    how.use_mmap = False
    model = L.llama_model_load_from_file(path.encode(), how)
    forget(path)
    if not model:
        raise RuntimeError("llama.cpp refused the model")
    c = L.llama_context_default_params()
    c.n_ctx, c.n_batch, c.n_ubatch = max(256, past + tokens), max(past, tokens), max(past, tokens)
    c.n_threads = c.n_threads_batch = THREADS
    context = L.llama_init_from_model(model, c)
    memory = L.llama_get_memory(context)

    def feed(n):
        some = (ctypes.c_int32 * n)(*[(i * 7919) % 50257 for i in range(n)])
        if L.llama_decode(context, L.llama_batch_get_one(some, n)) != 0:
            raise RuntimeError("llama_decode failed")

    if past:
        feed(past)

    def call():
        feed(tokens)
        L.llama_synchronize(context)

    call.after = lambda: L.llama_memory_seq_rm(memory, 0, past, -1)  # not timed
    call.keep = (quiet, model)
    return call, L.__version__


LIBRARIES = {"onnxruntime": onnxruntime, "openvino": openvino, "torch": torch, "llama": llama}


def seconds(call):
    after, each, spent = getattr(call, "after", None), [], 0
    while spent < CALLS_S or len(each) < 3:
        t = time.perf_counter()
        call()
        each.append(time.perf_counter() - t)
        spent += each[-1]
        if after:
            after()
    return statistics.median(each)


def main():
    library, work = sys.argv[1:3]
    try:
        call, version = gemm(library) if library in BLAS else LIBRARIES[library](work)
        seconds(call)
    except Missing as e:
        print("missing", " ".join(str(e).split()), flush=True)
        return 0
    print("ready", library, version, flush=True)
    for _ in sys.stdin:
        print(seconds(call), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
