"""LiteRT: image networks and keyword spotting as models of random weights, channels last, in its own file
format, with the default delegate for CPUs."""
from . import Work, graphs, needed

RELU, RELU6 = 1, 3  # ActivationFunctionType
SAME, VALID = 0, 1  # Padding


class Model:
    """Operators in order; tensors by number, with what they hold."""

    def __init__(self):
        with needed("ai-edge-litert"):
            import numpy
            from ai_edge_litert import schema_py_generated
        self.np, self.s = numpy, schema_py_generated
        self.random = numpy.random.default_rng(1)
        self.tensors, self.shape, self.buffers = [], [], [self.s.BufferT()]
        self.operators, self.codes = [], []
        self.macs = self.parameters = 0

    def tensor(self, shape, data=None):
        t = self.s.TensorT()
        t.shape, t.type, t.name = list(shape), self.s.TensorType.FLOAT32, f"t{len(self.tensors)}"
        t.buffer, t.hasRank = 0, True
        if data is not None:
            t.buffer = len(self.buffers)
            self.buffers.append(self.s.BufferT())
            self.buffers[-1].data = self.np.frombuffer(data.astype("<f4").tobytes(), "uint8")
            self.parameters += data.size
        self.tensors.append(t)
        self.shape.append(tuple(shape))
        return len(self.tensors) - 1

    def weight(self, *shape, inputs=0):
        scale = (2 / inputs) ** 0.5 if inputs else 0.1
        return self.tensor(shape, self.random.standard_normal(shape, dtype="float32") * scale)

    def add(self, code, options, inputs, shape, **fields):
        number = getattr(self.s.BuiltinOperator, code)
        if number not in self.codes:
            self.codes.append(number)
        op = self.s.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = self.codes.index(number), list(inputs), [self.tensor(shape)]
        op.builtinOptionsType = getattr(self.s.BuiltinOptions, options)
        op.builtinOptions = getattr(self.s, options + "T")()
        for k, v in fields.items():
            setattr(op.builtinOptions, k, v)
        self.operators.append(op)
        return op.outputs[0]

    # ---- layers
    def conv(self, x, k, size, stride=1, act=0, depthwise=False):
        batch, h, w, c = self.shape[x]
        rows, cols = size
        shape = (batch, -(-h // stride), -(-w // stride), k)
        weights = (1, rows, cols, c) if depthwise else (k, rows, cols, c)
        inputs = rows * cols * (1 if depthwise else c)
        self.macs += batch * shape[1] * shape[2] * k * inputs
        code, options, more = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", {"depthMultiplier": 1}) \
            if depthwise else ("CONV_2D", "Conv2DOptions", {})
        return self.add(code, options,
                        [x, self.weight(*weights, inputs=inputs), self.weight(k)], shape, padding=SAME,
                        strideW=stride, strideH=stride, fusedActivationFunction=act, dilationWFactor=1,
                        dilationHFactor=1, **more)

    def sum(self, x, y):
        return self.add("ADD", "AddOptions", [x, y], self.shape[x])

    def head(self, x, window, classes):
        batch, _, _, c = self.shape[x]
        x = self.add("AVERAGE_POOL_2D", "Pool2DOptions", [x], (batch, 1, 1, c), padding=VALID,
                     strideH=window[0], strideW=window[1], filterHeight=window[0],
                     filterWidth=window[1])
        self.macs += batch * c * classes
        return self.add("FULLY_CONNECTED", "FullyConnectedOptions",
                        [x, self.weight(classes, c, inputs=c), self.weight(classes)], (batch, classes))

    def file(self, x, y):
        import flatbuffers
        graph, model = self.s.SubGraphT(), self.s.ModelT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = self.tensors, self.operators, [x], [y]
        model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], self.buffers, []
        for number in self.codes:
            code = self.s.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = number
            code.version = 1
            model.operatorCodes.append(code)
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


# ---- the networks ----------------------------------------------------------------------------------------
def dscnn(m, batch):
    x = start = m.tensor((batch, 49, 10, 1))
    x = m.conv(x, 64, (10, 4), 2, RELU)
    for _ in range(4):
        x = m.conv(m.conv(x, 64, (3, 3), 1, RELU, depthwise=True), 64, (1, 1), 1, RELU)
    return start, m.head(x, (24, 5), 12)


def mobilenetv2(m, batch):
    x = start = m.tensor((batch, 224, 224, 3))
    x = m.conv(x, 32, (3, 3), 2, RELU6)
    for t, k, n, s in graphs.MOBILENETV2:
        for i in range(n):
            c, stride = m.shape[x][3], s if i == 0 else 1
            y = m.conv(x, t * c, (1, 1), 1, RELU6) if t > 1 else x
            y = m.conv(m.conv(y, t * c, (3, 3), stride, RELU6, depthwise=True), k, (1, 1))
            x = m.sum(y, x) if stride == 1 and c == k else y
    return start, m.head(m.conv(x, 1280, (1, 1), 1, RELU6), (7, 7), 1000)


NETWORKS = {f.__name__: f for f in (dscnn, mobilenetv2)}


def litert(asked):
    with needed("ai-edge-litert"):
        from importlib.metadata import version
        from ai_edge_litert.interpreter import Interpreter
    m = Model()
    x, y = NETWORKS[asked.work](m, asked.number("batch"))
    runner = Interpreter(model_content=m.file(x, y), num_threads=asked.threads)
    runner.allocate_tensors()
    there = runner.get_input_details()[0]["index"]
    runner.set_tensor(there, m.random.standard_normal(m.shape[x], dtype="float32"))
    result = runner.get_output_details()[0]["index"]
    return Work(runner.invoke, version("ai-edge-litert"), lambda: runner.get_tensor(result),
                {"flops": 2 * m.macs, "weights_B": 4 * m.parameters})
