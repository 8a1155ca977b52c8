"""What a backbone's blocks read: the graphs that they make, and the feature groups below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfmtl.protos import backbone_pb2, pipeline_pb2

PATH = "model_config.backbone"
Graph = backbone_pb2.BackboneTower | backbone_pb2.BlockPackage


def graphs(backbone: backbone_pb2.BackboneTower) -> Iterator[tuple[str, Graph]]:
    """Yields the packages and the backbone itself, with their paths."""
    for index, package in enumerate(backbone.packages):
        yield f"{PATH}.packages[{index}]", package
    yield PATH, backbone


def outputs_of(graph: Graph) -> Sequence[str]:
    """The blocks whose outputs are a graph's: those that it lists, or all that no other reads."""
    if graph.output_blocks or graph.concat_blocks:
        return graph.output_blocks or graph.concat_blocks
    read = {name for block in graph.blocks for name in blocks_read(block, graph)}
    return [block.name for block in graph.blocks if block.name not in read]


def blocks_read(block: backbone_pb2.Block, graph: Graph) -> list[str]:
    """The blocks of a graph that a block reads, those that it ignores included."""
    return _blocks_of(block.inputs, block, graph)


def blocks_taken(block: backbone_pb2.Block, graph: Graph) -> list[str]:
    """The blocks of a graph whose outputs a block takes."""
    if block.HasField("input_layer"):
        return []
    return _blocks_of([each for each in block.inputs if not each.ignore_input], block, graph)


def _blocks_of(
    inputs: Sequence[backbone_pb2.Input], block: backbone_pb2.Block, graph: Graph
) -> list[str]:
    known = {each.name for each in graph.blocks}
    read = [
        name
        for each in inputs
        for name in (each.block_name, each.feature_group_name, each.package_input)
        if name
    ]
    return [name for name in read if name in known and name != block.name]


def groups_of_blocks(backbone: backbone_pb2.BackboneTower) -> list[str]:
    """The feature groups that blocks read, each once."""
    names = [group for group, _ in _group_reads(backbone)]
    return list(dict.fromkeys(names))


def groups_of_steps(pipeline: pipeline_pb2.Pipeline) -> set[str]:
    """The groups that are only read as sequences and the features beside them."""
    reads = _group_reads(pipeline.model_config.backbone)
    others = {group for group, how in reads if not how.output_seq_and_normal_feature}
    return {group for group, _ in reads} - others


def _group_reads(
    backbone: backbone_pb2.BackboneTower,
) -> list[tuple[str, backbone_pb2.InputLayer]]:
    """The groups that blocks read, each with how it is read."""
    return [
        (each.feature_group_name, block.input_layer)
        for _, graph in graphs(backbone)
        for block in graph.blocks
        for each in block.inputs
        if each.feature_group_name
        and (block.HasField("input_layer") or not _is_block(each.feature_group_name, graph))
    ]


def _is_block(name: str, graph: Graph) -> bool:
    return any(block.name == name for block in graph.blocks)
