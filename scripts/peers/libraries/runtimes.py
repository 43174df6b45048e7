"""What runs ONNX graphs: ONNX Runtime, OpenVINO."""
import time

from . import Work, graphs, needed, scratch


def save(model, path):
    import onnx
    onnx.save(model, path)


# ---- ONNX Runtime ----------------------------------------------------------------------------------------
def session_call(ort, path, feeds, threads):
    """A call with inputs and outputs bound once, so that Python copies nothing."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    bound = session.io_binding()
    for name, value in feeds.items():
        bound.bind_cpu_input(name, value)
    bound.bind_output(session.get_outputs()[0].name)
    keep = (session, feeds)
    return lambda: keep and session.run_with_iobinding(bound), lambda: bound.copy_outputs_to_cpu()[0]


def quicker(calls, rounds=3):
    """The call with the least time of its best round."""
    best = {}
    for _ in range(rounds):
        for i, (call, _) in enumerate(calls):
            call()
            t = time.perf_counter()
            call()
            best[i] = min(best.get(i, 1e9), time.perf_counter() - t)
    return calls[min(best, key=best.get)]


def onnxruntime(asked):
    with needed("onnxruntime"):
        import onnxruntime as ort
    calls, runs = [], {}
    for fused in (False, True) if asked.work in graphs.FUSED else (False,):
        model, feeds, counts = graphs.build(asked, fused)
        runs.update(counts)
        with scratch("net.onnx") as path:
            save(model, path)
            del model
            calls.append(session_call(ort, path, feeds, asked.threads))
    call, output = quicker(calls) if len(calls) > 1 else calls[0]
    form = "" if len(calls) == 1 else " plain" if call is calls[0][0] else " fused attention"
    return Work(call, ort.__version__ + form, output, runs)


# ---- OpenVINO --------------------------------------------------------------------------------------------
def openvino(asked):
    with needed("openvino"):
        import openvino as ov
    model, feeds, runs = graphs.build(asked)
    core = ov.Core()
    hints = {"INFERENCE_NUM_THREADS": asked.threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
             "INFERENCE_PRECISION_HINT": "f32"}
    with scratch("net.onnx") as path:
        save(model, path)
        del model
        compiled = core.compile_model(core.read_model(path), "CPU", hints)
    if compiled.get_property("INFERENCE_PRECISION_HINT") != ov.Type.f32:
        raise RuntimeError("OpenVINO does not compute in f32")
    request = compiled.create_infer_request()
    for name, value in feeds.items():
        request.set_tensor(name, ov.Tensor(value, shared_memory=False))
    call = lambda: request.infer(None, share_inputs=True, share_outputs=True)
    return Work(call, ov.__version__, lambda: request.get_output_tensor(0).data, runs)
