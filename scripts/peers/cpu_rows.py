"""cpu_rows.py -- the rows of cpu.py: pieces of work, the libraries that do them, and the points of ours.

One table a kind of work. A line says what it is called, what is asked of the libraries, our point, the
libraries and the kernels of ours that count; `more`: only with --full (long, or many gigabytes)."""
import collections

import likwid_bench

# what: by name; peer: the library; spec: our point; make(): the library's side; kernels: ours, as an
# expression; key: the figure of our point that is compared.
Row = collections.namedtuple("Row", "what peer spec make kernels key", defaults=(".*", "time_s"))
# One library's share of a piece of work: where, the work's name and parameters, as the worker takes them.
Piece = collections.namedtuple("Piece", "what libraries work asked spec kernels more", defaults=(False,))

IN_TREE = ("onednn",)  # libraries that are kernels of ours
BLAS = ("openblas", "openblas-new", "blis")
GRAPHS = ("onnxruntime", "openvino")


def words(asked):
    return ",".join(f"{k}={v}" for k, v in asked.items())


def products():
    for dtype in ("f32", "f64"):
        for m, n, k, more in ((512, 512, 512, False), (1024, 1024, 1024, False), (2048, 2048, 2048, False),
                              (16, 2048, 2048, False), (1, 4096, 4096, True), (1000, 1000, 1000, True)):
            asked = {"m": m, "n": n, "k": k, "dtype": dtype}
            yield Piece(f"gemm {dtype} {m}x{n}x{k}", BLAS, "gemm", asked, "gemm:" + words(asked), "blocked",
                        more)


# Network, batches, what else is asked, libraries, our kernels, --full alone.
NETWORKS = (("resnet50", (1, 8), {}, ("onednn", *GRAPHS, "torch"), "direct|tuned", False),
            ("mobilenetv2", (1, 8), {}, ("onednn", *GRAPHS, "litert"), "direct|tuned", False),
            ("dscnn", (1,), {}, ("onednn", *GRAPHS, "litert"), "direct|tuned", False),
            ("dscnn", (32,), {}, ("onednn", *GRAPHS, "litert"), "direct|tuned", True),
            ("bert", (1, 8), {"size": "base", "tokens": 128}, GRAPHS, "stream", False),
            ("bert", (1,), {"size": "large", "tokens": 384}, GRAPHS, "stream", True),
            ("vit", (1, 8), {"size": "base", "res": 224}, GRAPHS, "stream", False),
            ("dlrm", (1, 512), {"size": "small", "zipf": 0}, ("onnxruntime", "torch"), "stream", False),
            ("dlrm", (512,), {"size": "small", "zipf": 105}, ("onnxruntime", "torch"), "stream", False),
            ("dlrm", (8, 64), {"size": "small", "zipf": 0}, ("onnxruntime", "torch"), "stream", True))


def named(net, asked):
    """Only what tells rows of one network apart."""
    return net + ("" if asked.get("size") in (None, "base", "small") else " " + asked["size"]) + \
        (f" {asked['tokens']}" if "tokens" in asked else "") + \
        (f" zipf {asked['zipf'] / 100:.2f}" if asked.get("zipf") else "")


def networks():
    for net, batches, more_asked, libraries, kernels, more in NETWORKS:
        for batch in batches:
            asked = {**more_asked, "batch": batch}
            yield Piece(f"{named(net, asked)} batch {batch}", libraries, net, asked,
                        f"{net}:{words(asked)},dtype=f32", kernels, more)


def bags():
    """Sums of rows of a table beyond every cache."""
    for c, bag, each, zipf, more in ((64, 4096, 32, 0, False), (64, 4096, 32, 105, False),
                                     (64, 4096, 1, 0, True), (16, 4096, 32, 0, True),
                                     (128, 4096, 32, 0, True)):
        asked = {"rows": 4000000 * 64 // max(64, c), "c": c, "bags": bag, "lookups": each, "zipf": zipf}
        yield Piece(f"bags of {each} x {c}" + (f" zipf {zipf / 100:.2f}" if zipf else " uniform"), ("torch",),
                    "bag", asked, f"bag:{words(asked)},dtype=f32", "stream", more)


# How weights are stored: llama.cpp's name, our type, which the worker translates, and our format.
FORMATS = (("bf16", "bf16", "none"), ("q8_0", "i8", "g32"), ("q4_0", "i4", "g32"))


def gpt2(full):
    for size in ("small", "medium") if full else ("medium",):
        for tokens, past in ((1, 128), (512 if full else 128, 0)):
            for dtype in ("f32", "bf16", "i8"):
                asked = {"size": size, "batch": 1, "tokens": tokens, "past": past, "dtype": dtype}
                yield Piece(f"gpt2 {size} {'decode' if past else f'prefill {tokens}'} {dtype}",
                            ("llama", "torch") if dtype != "i8" else ("llama",), "gpt2", asked,
                            "gpt2:" + words(asked), "stream")


def llamas():
    """A decoder's name, the size by which both sides know it, tokens, past; --full alone."""
    for who, size, tokens, past, more in (("llama 1b", "1b", 1, 128, False),
                                          ("qwen 0.5b", "qwen-0.5b", 1, 128, False),
                                          ("qwen 0.5b", "qwen-0.5b", 128, 0, False),
                                          ("qwen 0.5b", "qwen-0.5b", 512, 0, True),
                                          ("llama 1b", "1b", 512, 0, True)):
        for name, dtype, form in FORMATS:
            asked = {"size": size, "batch": 1, "tokens": tokens, "past": past, "dtype": dtype}
            yield Piece(f"{who} {'decode' if past else f'prefill {tokens}'} {name}", ("llama",),
                        "llama", asked, f"llama:{words(asked)},format={form}", "stream", more)
    asked = {"size": "mini", "batch": 1, "tokens": 1, "past": 128, "dtype": "bf16"}
    yield Piece("mixtral mini decode bf16", ("llama",), "mixtral", asked, "mixtral:" + words(asked), "stream",
                True)


def pieces(full):
    for kind in (products(), networks(), bags(), gpt2(full), llamas()):
        yield from (p for p in kind if full or not p.more)


def rows(a, worker, in_tree):
    """Every row. worker(library, work, **asked) and in_tree(spec, kernel) make a library's side."""
    for what, spec, key, make in likwid_bench.rows(a.threads):
        reason = likwid_bench.missing()

        def refuse(reason=reason):
            raise RuntimeError(reason)
        yield Row(what, "likwid", spec, refuse if reason else make, "regular|nt|narrow|narrow_nt|chains", key)
    for p in pieces(a.full):
        for library in p.libraries:
            make = (lambda p=p, k=library: in_tree(p.spec, k)) if library in IN_TREE else \
                (lambda p=p, k=library: worker(k, p.work, **p.asked))
            yield Row(p.what, library, p.spec, make, p.kernels)
