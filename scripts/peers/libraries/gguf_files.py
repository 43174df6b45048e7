"""Decoders of random weights as GGUF files, for llama.cpp: GPT-2, Llama, Qwen2, Mixtral. All matrices are in
one type, the embedding too; norms and biases are f32."""
import collections
import math

from . import needed

POOL = 1 << 21  # numbers that are drawn; matrices repeat them from a place of their own

Decoder = collections.namedtuple(
    "Decoder", "arch layers d heads kv_heads ff vocab context theta eps biases tied experts top",
    defaults=(1, 1))
DECODERS = {
    "gpt2 small": Decoder("gpt2", 12, 768, 12, 12, 3072, 50257, 1024, 0, 1e-5, "all", True),
    "gpt2 medium": Decoder("gpt2", 24, 1024, 16, 16, 4096, 50257, 1024, 0, 1e-5, "all", True),
    "gpt2 large": Decoder("gpt2", 36, 1280, 20, 20, 5120, 50257, 1024, 0, 1e-5, "all", True),
    "gpt2 xl": Decoder("gpt2", 48, 1600, 25, 25, 6400, 50257, 1024, 0, 1e-5, "all", True),
    "llama 1b": Decoder("llama", 16, 2048, 32, 8, 8192, 128256, 131072, 5e5, 1e-5, "", True),
    "llama qwen-0.5b": Decoder("qwen2", 24, 896, 14, 2, 4864, 151936, 32768, 1e6, 1e-6, "qkv", True),
    "mixtral mini": Decoder("llama", 4, 2048, 16, 4, 7168, 32000, 32768, 1e6, 1e-5, "", False, 8, 2)}


# Our type: llama.cpp's, elements of a block, bytes of a block.
KINDS = {"f32": ("F32", 1, 4), "bf16": ("BF16", 1, 2), "i8": ("Q8_0", 32, 34), "i4": ("Q4_0", 32, 18)}


class Tensors:
    """Counts the tensors of a decoder: parameters, multiply-accumulates a token, and bytes that a step of
    one sequence does not read. A subclass writes them."""

    def __init__(self, dtype):
        self.kind, self.block, self.block_B = KINDS[dtype]
        self.parameters = self.macs = self.idle_B = 0

    def bytes_of(self, elements):
        return elements // self.block * self.block_B

    def vector(self, name, n, around=0.0):
        self.parameters += n

    def positions(self, name, rows, c):
        """A table that stays in f32: rows of it are added, nothing is multiplied."""
        self.parameters += rows * c

    def matrix(self, name, *shape, share=1.0):
        """shape: outputs, inputs, before them experts; share: what of it a token meets."""
        count = math.prod(shape)
        self.parameters += count
        self.macs += round(count * share)
        self.idle_B += self.bytes_of(count) - round(self.bytes_of(count) * share)

    def table(self, name, rows, c, read):
        """An embedding of which a step reads `read` rows."""
        self.parameters += rows * c
        self.idle_B += self.bytes_of((rows - read) * c)


class File(Tensors):
    """Writes them, too: random numbers, quantised once, which matrices repeat."""

    def __init__(self, gguf, path, arch, dtype):
        import numpy as np
        super().__init__(dtype)
        self.np, self.writer = np, gguf.GGUFWriter(path, arch)
        self.type = gguf.GGMLQuantizationType[self.kind]
        if gguf.GGML_QUANT_SIZES[self.type] != (self.block, self.block_B):
            raise RuntimeError(f"gguf stores {self.kind} otherwise")
        self.random = np.random.default_rng(3)
        self.plain = self.random.standard_normal(POOL, dtype="float32") * np.float32(0.02)
        blocks = gguf.quants.quantize(self.plain.reshape(1, -1), self.type)
        self.blocks = blocks.view(np.uint8).reshape(-1, self.block_B)

    def vector(self, name, n, around=0.0):
        super().vector(name, n)
        at = int(self.random.integers(0, POOL - n))
        self.writer.add_tensor(name, self.plain[at:at + n] + self.np.float32(around))

    def positions(self, name, rows, c):
        super().positions(name, rows, c)
        self.writer.add_tensor(name, self.plain[:rows * c].reshape(rows, c))

    def put(self, name, shape):
        turned = self.np.roll(self.blocks, int(self.random.integers(1, 4096)), axis=0)
        raw = self.np.resize(turned, (math.prod(shape) // self.block, self.block_B))
        raw = raw.reshape(*shape[:-1], self.bytes_of(shape[-1]))
        self.writer.add_tensor(name, raw.view("<f4") if self.kind == "F32" else raw, raw_dtype=self.type)

    def matrix(self, name, *shape, share=1.0):
        super().matrix(name, *shape, share=share)
        self.put(name, shape)

    def table(self, name, rows, c, read):
        super().table(name, rows, c, read)
        self.put(name, (rows, c))

    def close(self):
        w = self.writer
        w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()


def header(w, m):
    w.add_context_length(m.context), w.add_embedding_length(m.d), w.add_block_count(m.layers)
    w.add_feed_forward_length(m.ff), w.add_head_count(m.heads), w.add_vocab_size(m.vocab)
    w.add_tokenizer_model("none")
    if m.arch == "gpt2":
        w.add_layer_norm_eps(m.eps)
        return
    w.add_head_count_kv(m.kv_heads), w.add_layer_norm_rms_eps(m.eps)
    w.add_rope_freq_base(m.theta), w.add_rope_dimension_count(m.d // m.heads)
    if m.experts > 1:
        w.add_expert_count(m.experts), w.add_expert_used_count(m.top)


def gpt2_layer(t, m, at):
    for name, outputs, inputs in (("attn_qkv", 3 * m.d, m.d), ("attn_output", m.d, m.d),
                                  ("ffn_up", m.ff, m.d), ("ffn_down", m.d, m.ff)):
        t.matrix(at + name + ".weight", outputs, inputs)
        t.vector(at + name + ".bias", outputs)
    for name in ("attn_norm", "ffn_norm"):
        t.vector(at + name + ".weight", m.d, 1), t.vector(at + name + ".bias", m.d)


def llama_layer(t, m, at):
    shared = m.d // m.heads * m.kv_heads
    for name, outputs in (("attn_q", m.d), ("attn_k", shared), ("attn_v", shared)):
        t.matrix(at + name + ".weight", outputs, m.d)
        if m.biases:
            t.vector(at + name + ".bias", outputs)
    t.matrix(at + "attn_output.weight", m.d, m.d)
    t.vector(at + "attn_norm.weight", m.d, 1), t.vector(at + "ffn_norm.weight", m.d, 1)
    experts, end = ((), ".weight") if m.experts == 1 else ((m.experts,), "_exps.weight")
    if experts:
        t.matrix(at + "ffn_gate_inp.weight", m.experts, m.d)
    for name, outputs, inputs in (("ffn_gate", m.ff, m.d), ("ffn_up", m.ff, m.d), ("ffn_down", m.d, m.ff)):
        t.matrix(at + name + end, *experts, outputs, inputs, share=m.top / m.experts)


def step(t, m, tokens, past):
    """All tensors of a decoder into t; FLOP of a step of one sequence. The head sees the last token."""
    for i in range(m.layers):
        (gpt2_layer if m.arch == "gpt2" else llama_layer)(t, m, f"blk.{i}.")
    macs = tokens * t.macs
    t.vector("output_norm.weight", m.d, 1)
    if m.arch == "gpt2":
        t.vector("output_norm.bias", m.d)
        t.positions("position_embd.weight", m.context, m.d)
    if m.tied:
        t.matrix("token_embd.weight", m.vocab, m.d)
    else:
        t.table("token_embd.weight", m.vocab, m.d, tokens)
        t.matrix("output.weight", m.vocab, m.d)
    macs += m.vocab * m.d + m.layers * 2 * m.d * (tokens * past + tokens * (tokens + 1) // 2)
    return 2 * macs


def write(path, m, dtype, tokens, past):
    """A file; {"flops", "idle_B"}: arithmetic of a step of one sequence, and bytes that it leaves unread."""
    with needed("gguf"):
        import gguf
    t = File(gguf, path, m.arch, dtype)
    header(t.writer, m)
    flops = step(t, m, tokens, past)
    t.close()
    return {"flops": flops, "idle_B": t.idle_B}
