"""What a parsed model holds, in graphs within graphs and in functions, and how deep that is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx

FunctionKey = tuple[str, str, str]
"""Domain, name and overload of an operator or a function."""

MAX_NODES: Final = 200_000
"""After functions are expanded; the largest published classifiers have some ten thousand."""
MAX_DEPTH: Final = 50
"""Of functions in functions, and of graphs in graphs: ONNX Runtime 1.31 ends with a segmentation
fault at a depth of 3,000; exporters nest as deep as modules do."""
STANDARD_DOMAIN: Final = "ai.onnx"
"""Its other name is the empty one."""


@dataclass(slots=True)
class Contents:
    """What a graph or a function holds, the graphs inside it included."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)
    sparse: list[onnx.SparseTensorProto] = field(default_factory=list)
    depth: int = 0

    @classmethod
    def of(cls, body: onnx.GraphProto | onnx.FunctionProto) -> Contents:
        """Collect what `body` holds, whatever the types that its attributes claim."""
        contents = cls()
        bodies = [(body, 1)]
        while bodies:
            graph, depth = bodies.pop()
            contents.depth = max(contents.depth, depth)
            contents.nodes.extend(graph.node)
            contents.tensors.extend(getattr(graph, "initializer", ()))
            contents.sparse.extend(getattr(graph, "sparse_initializer", ()))
            attributes = [one for node in graph.node for one in node.attribute]
            attributes += getattr(graph, "attribute_proto", ())
            for attribute in attributes:
                contents.tensors += attribute.tensors
                contents.sparse += attribute.sparse_tensors
                if attribute.HasField("t"):
                    contents.tensors.append(attribute.t)
                if attribute.HasField("sparse_tensor"):
                    contents.sparse.append(attribute.sparse_tensor)
                if attribute.HasField("g"):
                    bodies.append((attribute.g, depth + 1))
                bodies += [(one, depth + 1) for one in attribute.graphs]
        for sparse in contents.sparse:
            contents.tensors += [sparse.values, sparse.indices]
        return contents


def model_contents(model: onnx.ModelProto) -> dict[FunctionKey | None, Contents]:
    """Return what the main graph, under None, and each function hold."""
    everything: dict[FunctionKey | None, Contents] = {None: Contents.of(model.graph)}
    for function in model.functions:
        key = operator_key(function.domain, function.name, function.overload)
        everything[key] = Contents.of(function)
    return everything


def operator_key(domain: str, name: str, overload: str) -> FunctionKey:
    """Return what an operator, or the function that defines it, is known by."""
    return (domain or STANDARD_DOMAIN, name, overload)


def nesting_findings(
    model: onnx.ModelProto, everything: Mapping[FunctionKey | None, Contents]
) -> Iterator[str]:
    """Say what is too deep or too long, functions being expanded as ONNX Runtime does."""
    if len(everything) <= len(model.functions):
        yield "two functions of one name"
    deepest = max(contents.depth for contents in everything.values())
    if deepest > MAX_DEPTH:
        yield f"graphs within graphs, {deepest} deep (at most {MAX_DEPTH})"
    calls = {
        key: Counter(
            called
            for node in contents.nodes
            if (called := operator_key(node.domain, node.op_type, node.overload)) in everything
        )
        for key, contents in everything.items()
    }
    try:
        order = list(TopologicalSorter(calls).static_order())
    except CycleError:
        yield "functions that call themselves"
        return
    n_nodes: dict[FunctionKey | None, int] = {}
    depths: dict[FunctionKey | None, int] = {}
    for key in order:
        expanded = sum(times * n_nodes[called] for called, times in calls[key].items())
        n_nodes[key] = min(len(everything[key].nodes) + expanded, MAX_NODES + 1)  # may be 2**3000
        depths[key] = 1 + max((depths[called] for called in calls[key]), default=-1)
    if max(depths.values()) > MAX_DEPTH:
        yield f"functions within functions, {max(depths.values())} deep (at most {MAX_DEPTH})"
    if max(n_nodes.values()) > MAX_NODES:
        yield f"more than {MAX_NODES:,} nodes once its functions are expanded"
