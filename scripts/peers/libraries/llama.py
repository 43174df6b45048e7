"""llama.cpp through its C interface: one step of a decoder, decoding or prefilling."""
import ctypes

from . import Missing, Work, gguf_files, scratch


def load(L, path):
    quiet = L.llama_log_callback(lambda *a: None)
    L.llama_log_set(quiet, ctypes.c_void_p(0))
    L.llama_backend_init()
    how = L.llama_model_default_params()
    how.use_mmap = False
    model = L.llama_model_load_from_file(path.encode(), how)
    if not model:
        raise RuntimeError("llama.cpp refused the model")
    return model, quiet


def llama(asked):
    try:
        import llama_cpp as L
    except ImportError as e:
        raise Missing(f"package llama-cpp-python: {e}") from None
    past, tokens = asked.number("past"), asked.number("tokens")
    decoder = gguf_files.DECODERS[f"{asked.work} {asked['size']}"]
    with scratch("decoder.gguf") as path:
        runs = gguf_files.write(path, decoder, asked["dtype"], tokens, past)
        model, quiet = load(L, path)
    idle_B = runs.pop("idle_B")
    if decoder.arch != "gpt2":  # GPT-2's int8 is another format than ours, its positions another type
        runs["weights_B"] = L.llama_model_size(model) - idle_B
    c = L.llama_context_default_params()
    c.n_ctx, c.n_batch, c.n_ubatch = max(256, past + tokens), max(past, tokens), max(past, tokens)
    c.n_threads = c.n_threads_batch = asked.threads
    context = L.llama_init_from_model(model, c)
    if not context:
        raise RuntimeError("llama.cpp made no context")
    memory = L.llama_get_memory(context)

    def feed(n):
        some = (ctypes.c_int32 * n)(*[(i * 7919) % decoder.vocab for i in range(n)])
        if L.llama_decode(context, L.llama_batch_get_one(some, n)) != 0:
            raise RuntimeError("llama_decode failed")

    if past:
        feed(past)

    def call():
        feed(tokens)
        L.llama_synchronize(context)
        return quiet, model

    def logits():
        return L.llama_get_logits(context)[:decoder.vocab]

    return Work(call, L.__version__, logits, runs, lambda: L.llama_memory_seq_rm(memory, 0, past, -1))
