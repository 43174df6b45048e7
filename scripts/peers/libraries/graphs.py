"""Networks as ONNX graphs with random weights, as our tables have them; and what such a graph computes,
counted from the finished graph."""
import math

from . import needed
from .draws import lookups

TABLE_STD, POOL = 0.02, 1 << 20


class Graph:
    """Nodes, weights and inputs of a graph under construction; tensors are names."""

    def __init__(self, fused=False):
        with needed("onnx"):
            import numpy
            from onnx import helper, numpy_helper
        self.np, self.h, self.keep, self.fused = numpy, helper, numpy_helper.from_array, fused
        self.nodes, self.weights, self.inputs, self.feeds, self.n = [], [], [], {}, 0
        self.random = numpy.random.default_rng(1)

    def add(self, op, inputs, outputs=1, **attributes):
        self.n += 1
        names = [f"t{self.n}" + ("" if i == 0 else f"_{i}") for i in range(outputs)]
        self.nodes.append(self.h.make_node(op, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value, dtype="int64"):
        name = f"c{len(self.weights)}"
        self.weights.append(self.keep(self.np.asarray(value, dtype), name))
        return name

    def tensor(self, shape, scale, around=0.0):
        """Random numbers, which repeat from POOL on: a gigabyte of them is no other work."""
        count = int(self.np.prod(shape))
        x = self.random.standard_normal(min(count, POOL), dtype="float32")
        x *= self.np.float32(scale)
        x += self.np.float32(around)
        return self.constant(self.np.resize(x, shape), "float32")

    def weight(self, *shape):
        """Of a layer, by its number of inputs; a single dimension is a bias."""
        return self.tensor(shape, (2 / self.np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.1)

    def input(self, name, value):
        kind = {"float32": 1, "int32": 6, "int64": 7}[str(value.dtype)]
        self.inputs.append(self.h.make_tensor_value_info(name, kind, list(value.shape)))
        self.feeds[name] = value
        return name

    def images(self, *shape):
        return self.input("x", self.np.random.default_rng(2).standard_normal(shape, dtype="float32"))

    # ---- layers
    def conv(self, x, c, k, size, stride=1, groups=1, pads=None):
        rows, cols = size if isinstance(size, tuple) else (size, size)
        return self.add("Conv", [x, self.weight(k, c // groups, rows, cols), self.weight(k)],
                        kernel_shape=[rows, cols], strides=[stride] * 2,
                        pads=pads or [(rows - 1) // 2, (cols - 1) // 2] * 2, group=groups)

    def relu(self, x):
        return self.add("Relu", [x])

    def relu6(self, x):
        if not hasattr(self, "six"):
            self.zero, self.six = self.constant(0, "float32"), self.constant(6, "float32")
        return self.add("Clip", [x, self.zero, self.six])

    def fc(self, x, c, k):
        """Rows of c to rows of k, with a bias."""
        return self.add("Gemm", [x, self.weight(k, c), self.weight(k)], transB=1)

    def linear(self, x, c, k):
        """The same in any number of dimensions, as transformers are exported."""
        return self.add("Add", [self.add("MatMul", [x, self.tensor((c, k), c ** -0.5)]), self.weight(k)])

    def norm(self, x, c, eps):
        return self.add("LayerNormalization", [x, self.tensor((c,), 0.1, 1.0), self.weight(c)], axis=-1,
                        epsilon=eps)

    def reshape(self, x, *shape):
        return self.add("Reshape", [x, self.constant(shape)])

    def gelu(self, x):
        """0.5 x (1 + erf(x / sqrt 2)), in the form that libraries look for."""
        scalar = lambda v: self.constant(v, "float32")
        e = self.add("Erf", [self.add("Div", [x, scalar(2 ** 0.5)])])
        return self.add("Mul", [self.add("Mul", [x, self.add("Add", [e, scalar(1)])]), scalar(0.5)])

    def attention(self, x, batch, tokens, d, heads):
        """All tokens see all others; queries, keys and values of one matrix."""
        if self.fused:  # ONNX Runtime's own operator, which its optimizer for transformers would put here
            return self.add("Attention", [x, self.tensor((d, 3 * d), d ** -0.5), self.weight(3 * d)],
                            num_heads=heads, domain="com.microsoft")
        q, k, v = (self.reshape(self.linear(x, d, d), batch, tokens, heads, d // heads) for _ in range(3))
        q, v = (self.add("Transpose", [t], perm=[0, 2, 1, 3]) for t in (q, v))
        p = self.add("MatMul", [q, self.add("Transpose", [k], perm=[0, 2, 3, 1])])
        root = self.constant((d // heads) ** 0.5, "float32")
        p = self.add("Softmax", [self.add("Div", [p, root])], axis=-1)
        y = self.add("Transpose", [self.add("MatMul", [p, v])], perm=[0, 2, 1, 3])
        return self.reshape(y, batch, tokens, d)

    def model(self, y):
        """y: the output, whatever its shape."""
        out = self.h.make_empty_tensor_value_info(y)
        out.type.tensor_type.elem_type = 1
        graph = self.h.make_graph(self.nodes, "net", self.inputs, [out], self.weights)
        model = self.h.make_model(graph, opset_imports=[self.h.make_opsetid("", 17),
                                                        self.h.make_opsetid("com.microsoft", 1)])
        model.ir_version = 8
        return model


# ---- what a graph computes -------------------------------------------------------------------------------
def is_parameter(w):
    return w.data_type == 1 and len(w.dims) > 0


def shapes_of(model):
    """{tensor: dimensions} of every tensor of the graph. Parameters are inputs here: inference copies what
    a graph holds."""
    import onnx
    from onnx import helper
    g = model.graph
    known = [helper.make_tensor_value_info(w.name, 1, w.dims) for w in g.initializer if is_parameter(w)]
    bare = helper.make_graph(g.node, g.name, [*g.input, *known], g.output,
                             [w for w in g.initializer if not is_parameter(w)])
    bare = helper.make_model(bare, opset_imports=model.opset_import, ir_version=model.ir_version)
    inferred = onnx.shape_inference.infer_shapes(bare, strict_mode=True, data_prop=True).graph
    of = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
          for v in (*inferred.input, *inferred.value_info, *inferred.output)}
    of.update((w.name, tuple(w.dims)) for w in inferred.initializer)
    return of


def products(node, shapes, made_by):
    """Multiply-accumulates of a node, by our convention: of convolutions and products alone."""
    if node.op_type not in ("Conv", "Gemm", "MatMul"):
        return 0
    a, b, elements = shapes[node.input[0]], shapes[node.input[1]], math.prod(shapes[node.output[0]])
    if node.op_type == "Conv":
        return elements * b[1] * b[2] * b[3]
    other = made_by.get(node.input[1])
    if other is not None and other.op_type == "Transpose" and other.input[0] == node.input[0]:
        n = a[-2]  # of all pairs with themselves and twice: the distinct ones are the work
        return elements // (n * n) * (n * (n - 1) // 2) * a[-1]
    return elements * a[-1]


def gathered(index, shapes, whole):
    """Rows that a look-up reads: those of a fixed list once."""
    if index in whole:
        return len(set(whole[index].ravel().tolist()))
    return math.prod(shapes[index])


def counted(model):
    """{"flops", "weights_B"} of a graph of plain operators: every parameter once, of tables that rows are
    gathered from those rows. Single numbers and whole ones are no parameters."""
    from onnx import numpy_helper
    shapes, made_by = shapes_of(model), {o: n for n in model.graph.node for o in n.output}
    parameters = {w.name for w in model.graph.initializer if is_parameter(w)}
    whole = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer if w.data_type in (6, 7)}
    macs, read = 0, {}
    for node in model.graph.node:
        macs += products(node, shapes, made_by)
        for name in parameters.intersection(node.input):
            size = math.prod(shapes[name])
            if node.op_type == "Gather":
                size = size // shapes[name][0] * gathered(node.input[1], shapes, whole)
            read[name] = max(size, read.get(name, 0))
    return {"flops": 2 * macs, "weights_B": 4 * sum(read.values())}


# ---- the networks ----------------------------------------------------------------------------------------
def head(g, x, c):
    return g.fc(g.add("Flatten", [g.add("GlobalAveragePool", [x])]), c, 1000)


def resnet50(g, asked):
    x = g.images(asked.number("batch"), 3, 224, 224)
    x = g.add("MaxPool", [g.relu(g.conv(x, 3, 64, 7, 2))], kernel_shape=[3, 3], strides=[2, 2],
              pads=[1, 1, 1, 1])
    c = 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(blocks):
            s = stride if i == 0 else 1
            short = g.conv(x, c, 4 * width, 1, s) if i == 0 else x
            y = g.relu(g.conv(g.relu(g.conv(x, c, width, 1)), width, width, 3, s))
            x, c = g.relu(g.add("Add", [g.conv(y, width, 4 * width, 1), short])), 4 * width
    return head(g, x, c)


# Expansion, channels, blocks and first stride of MobileNetV2's stages.
MOBILENETV2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
               (6, 320, 1, 1))


def mobilenetv2(g, asked):
    x, c = g.relu6(g.conv(g.images(asked.number("batch"), 3, 224, 224), 3, 32, 3, 2)), 32
    for t, k, n, s in MOBILENETV2:
        for i in range(n):
            stride = s if i == 0 else 1
            y = g.relu6(g.conv(x, c, t * c, 1)) if t > 1 else x
            y = g.conv(g.relu6(g.conv(y, t * c, t * c, 3, stride, t * c)), t * c, k, 1)
            x, c = g.add("Add", [y, x]) if stride == 1 and c == k else y, k
    return head(g, g.relu6(g.conv(x, c, 1280, 1)), 1280)


def dscnn(g, asked):
    """TensorFlow's "same" padding; the last pool leaves out a row."""
    x = g.images(asked.number("batch"), 1, 49, 10)
    x = g.relu(g.conv(x, 1, 64, (10, 4), 2, pads=[4, 1, 5, 1]))
    for _ in range(4):
        x = g.relu(g.conv(g.relu(g.conv(x, 64, 64, 3, groups=64)), 64, 64, 1))
    x = g.add("AveragePool", [x], kernel_shape=[24, 5], strides=[24, 5])
    return g.fc(g.add("Flatten", [x]), 64, 12)


# Layers, width, heads, width of the MLP.
ENCODERS = {"base": (12, 768, 12, 3072), "large": (24, 1024, 16, 4096)}


def bert(g, asked):
    layers, d, heads, ff = ENCODERS[asked["size"]]
    batch, tokens, eps = asked.number("batch"), asked.number("tokens"), 1e-12
    ids = g.input("ids", g.np.random.default_rng(2).integers(0, 30522, (batch, tokens), dtype="int64"))
    table = lambda rows: g.tensor((rows, d), TABLE_STD)
    x = g.add("Gather", [table(30522), ids])
    x = g.add("Add", [x, g.add("Gather", [table(2), g.constant([2 * i // tokens for i in range(tokens)])])])
    x = g.add("Add", [x, g.add("Gather", [table(512), g.constant(range(tokens))])])
    x = g.norm(x, d, eps)
    for _ in range(layers):
        x = g.norm(g.add("Add", [g.linear(g.attention(x, batch, tokens, d, heads), d, d), x]), d, eps)
        y = g.linear(g.gelu(g.linear(x, d, ff)), ff, d)
        x = g.norm(g.add("Add", [y, x]), d, eps)
    return g.add("Tanh", [g.fc(g.add("Gather", [x, g.constant(0)], axis=1), d, d)])


def vit(g, asked):
    layers, d, heads, ff = ENCODERS[asked["size"]]
    batch, res, eps = asked.number("batch"), asked.number("res"), 1e-6
    tokens = (res // 16) ** 2 + 1
    x = g.conv(g.images(batch, 3, res, res), 3, d, 16, 16, pads=[0, 0, 0, 0])
    x = g.add("Transpose", [g.reshape(x, batch, d, tokens - 1)], perm=[0, 2, 1])
    first = g.add("Expand", [g.tensor((1, 1, d), TABLE_STD), g.constant([batch, 1, d])])
    x = g.add("Add", [g.add("Concat", [first, x], axis=1), g.tensor((1, tokens, d), TABLE_STD)])
    for _ in range(layers):
        x = g.add("Add", [g.linear(g.attention(g.norm(x, d, eps), batch, tokens, d, heads), d, d), x])
        x = g.add("Add", [g.linear(g.gelu(g.linear(g.norm(x, d, eps), d, ff)), ff, d), x])
    return g.fc(g.norm(g.add("Gather", [x, g.constant(0)], axis=1), d, eps), d, 1000)


# Tables, rows of each, width, look-ups of a bag; widths of the bottom and the top MLP.
DLRM = {"small": (26, 100000, 64, 1, (13, 512, 256, 64), (512, 256, 1))}


def dlrm(g, asked):
    tables, rows, d, each, bottom, top = DLRM[asked["size"]]
    batch, n = asked.number("batch"), tables + 1
    x = g.input("dense", g.np.random.default_rng(2).standard_normal((batch, bottom[0]), dtype="float32"))
    index = lookups(rows, asked.number("zipf") / 100, (batch, tables, each))
    index += (g.np.arange(tables, dtype="int32") * rows)[None, :, None]
    found = g.add("Gather", [g.tensor((tables * rows, d), TABLE_STD), g.input("rows", index)])
    bags = g.add("ReduceSum", [found, g.constant([2])], keepdims=0) if each > 1 \
        else g.reshape(found, batch, tables, d)
    for c, k in zip(bottom, bottom[1:]):
        x = g.relu(g.fc(x, c, k))
    v = g.add("Concat", [g.reshape(x, batch, 1, d), bags], axis=1)
    pairs = g.add("MatMul", [v, g.add("Transpose", [v], perm=[0, 2, 1])])
    below = g.constant([i * n + j for i in range(n) for j in range(i)])
    dots = g.add("Gather", [g.reshape(pairs, batch, n * n), below], axis=1)
    x, c = g.add("Concat", [x, dots], axis=1), d + n * (n - 1) // 2
    for k in top:
        x = g.fc(x, c, k)
        x, c = g.relu(x) if k > 1 else g.add("Sigmoid", [x]), k
    return x


NETWORKS = {f.__name__: f for f in (resnet50, mobilenetv2, dscnn, bert, vit, dlrm)}
FUSED = ("bert", "vit")  # networks that have a second form, with an operator of ONNX Runtime's


def build(asked, fused=False):
    """The model, its inputs by name, and what it computes (of the plain form)."""
    g = Graph(fused)
    y = NETWORKS[asked.work](g, asked)
    model = g.model(y)
    return model, g.feeds, {} if fused else counted(model)
