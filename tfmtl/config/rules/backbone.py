"""Rules of `backbone`: named blocks that read each other, feature groups and packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfmtl.config.backbone.graphs import PATH, Graph, blocks_read, graphs, outputs_of
from tfmtl.config.backbone.slices import parse_slice
from tfmtl.config.backbone.wiring import backbone_output
from tfmtl.config.order import circle
from tfmtl.config.problems import Report
from tfmtl.config.rules.block_shapes import ShapeFlow, check_shapes
from tfmtl.config.rules.blocks import check_layer, check_mlp
from tfmtl.config.rules.common import check_at_least, check_name, check_share, check_unique
from tfmtl.config.rules.shapes import is_vector
from tfmtl.config.stacks import listed_groups
from tfmtl.config.views import architecture
from tfmtl.protos import backbone_pb2, pipeline_pb2

_FORMS = (
    "only_output_feature_list",
    "only_output_3d_tensor",
    "output_2d_tensor_and_feature_list",
    "output_seq_and_normal_feature",
)


def check(pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
    """There is a backbone where there should be one, and its blocks are wired to some end."""
    model, name = pipeline.model_config, architecture(pipeline)
    if name == "model_params" and not model.HasField("backbone"):
        report.should(PATH, "describe the network below the towers of `model_params`")
    if not (name and model.HasField("backbone")):
        return
    if listed_groups(pipeline):
        report.should(PATH, f"be left out, because {name} reads the feature groups it lists")
        return
    before = len(report.problems)
    _Wiring(pipeline, report).check()
    if len(report.problems) == before:
        check_shapes(pipeline, report)


def output_width(pipeline: pipeline_pb2.Pipeline) -> int:
    """Width of the one vector that a sound backbone gives; 0 if it is not sound or not one."""
    report = Report()
    check(pipeline, report)
    if report.problems:
        return 0  # They are told elsewhere.
    output = backbone_output(pipeline.model_config.backbone, ShapeFlow(pipeline, report))
    return output[0] if is_vector(output) else 0


class _Wiring:
    """Checks that every block reads something, and is read."""

    def __init__(self, pipeline: pipeline_pb2.Pipeline, report: Report) -> None:
        self._backbone = pipeline.model_config.backbone
        self._groups = [each.group_name for each in pipeline.model_config.feature_groups]
        self._packages = [each.name for each in self._backbone.packages]
        self._report = report

    def check(self) -> None:
        """Checks the packages and the backbone itself."""
        for path, graph in graphs(self._backbone):
            self._check_graph(path, graph)
        names = [(f"{PATH}.packages[{i}]", name) for i, name in enumerate(self._packages)]
        for path, name in names:
            check_name(self._report, f"{path}.name", name)
        check_unique(self._report, names)
        self._check_packages_are_read()
        if self._backbone.HasField("top_mlp"):
            check_mlp(self._report, f"{PATH}.top_mlp", self._backbone.top_mlp, needed=True)

    def _check_graph(self, path: str, graph: Graph) -> None:
        names = [block.name for block in graph.blocks]
        if not names:
            self._report.should(f"{path}.blocks", "describe a block")
        check_unique(self._report, [(f"{path}.blocks[{i}]", n) for i, n in enumerate(names)])
        for index, block in enumerate(graph.blocks):
            self._check_block(block, f"{path}.blocks[{index}]", names)
        self._check_outputs(path, graph, names)
        way = circle({block.name: blocks_read(block, graph) for block in graph.blocks})
        if way:
            rule = f"not close a circle, {' reads '.join(way)}"
            index = names.index(way[0])
            self._report.should(f"{path}.blocks[{index}].inputs", rule, way[1], of=_named(way[0]))
        else:
            self._check_are_read(path, graph)

    def _check_outputs(self, path: str, graph: Graph, names: Sequence[str]) -> None:
        for field in ("output_blocks", "concat_blocks"):
            for index, name in enumerate(getattr(graph, field)):
                if name not in names:
                    self._report.should_name(f"{path}.{field}[{index}]", "a block", name, names)
        if graph.output_blocks and graph.concat_blocks:
            sentence = "is not read, because there is `output_blocks`"
            self._report.warn(f"{path}.concat_blocks", sentence)

    def _check_are_read(self, path: str, graph: Graph) -> None:
        read = {name for block in graph.blocks for name in blocks_read(block, graph)}
        read |= set(outputs_of(graph))
        for index, block in enumerate(graph.blocks):
            if block.name and block.name not in read:
                rule = "be read by another block, or be one of the outputs"
                self._report.should(f"{path}.blocks[{index}]", rule, of=_named(block.name))

    def _check_packages_are_read(self) -> None:
        reads = {name: _packages_read(each) for name, each in self._named_packages()}
        way = circle(reads)
        if way:
            rule = f"not close a circle, {' reads '.join(way)}"
            index = self._packages.index(way[0])
            self._report.should(f"{PATH}.packages[{index}]", rule, way[1])
        read = {name for names in reads.values() for name in names}
        read |= set(_packages_read(self._backbone))
        for index, name in enumerate(self._packages):
            if name and name not in read:
                rule = "be read by the `package_name` of an input"
                self._report.should(f"{PATH}.packages[{index}]", rule, of=f"package `{name}`")

    def _named_packages(self) -> Iterator[tuple[str, backbone_pb2.BlockPackage]]:
        return zip(self._packages, self._backbone.packages, strict=True)

    def _check_block(self, block: backbone_pb2.Block, path: str, names: Sequence[str]) -> None:
        of = _named(block.name)
        check_name(self._report, f"{path}.name", block.name)
        is_input = block.HasField("input_layer")
        if block.name in self._groups and not is_input:
            rule = "not be the name of a feature group, unless it is the group's `input_layer`"
            self._report.should(f"{path}.name", rule, block.name)
        for index, each in enumerate(block.inputs):
            self._check_input(each, f"{path}.inputs[{index}]", of, names, block.name)
        if is_input:
            self._check_input_layer(block, path, of)
        elif all(each.ignore_input for each in block.inputs):
            self._report.should(f"{path}.inputs", "name what the block reads", of=of)
        self._check_layers(block, path, of)

    def _check_input(
        self,
        source: backbone_pb2.Input,
        path: str,
        of: str,
        names: Sequence[str],
        own: str,
    ) -> None:
        kind = source.WhichOneof("name")
        others = [name for name in names if name and name != own]
        if kind == "feature_group_name":
            known, what = self._groups, "a feature group"
        elif kind == "package_name":
            known, what = self._packages, "a package"
        elif kind == "block_name":
            known, what = others, "another block"
        elif kind is None:
            kinds = "feature_group_name, block_name, package_name or use_package_input"
            self._report.should(path, f"have one of {kinds}", of=of)
        elif ".packages[" not in path:
            rule = "be left out, because the block is in no package"
            self._report.should(f"{path}.{kind}", rule, source.use_package_input, of=of)
        elif not source.use_package_input:
            self._report.should(f"{path}.{kind}", "be true, or be left out", False, of=of)
        if kind in ("feature_group_name", "block_name", "package_name"):
            name = getattr(source, kind)
            if name not in known:
                self._report.should_name(f"{path}.{kind}", what, name, known, of=of)
        self._check_package_input(source, path, of, others)
        _check_slice(self._report, f"{path}.input_slice", source.input_slice, of)

    def _check_package_input(
        self, source: backbone_pb2.Input, path: str, of: str, others: Sequence[str]
    ) -> None:
        for field in ("package_input", "reset_input"):
            if source.HasField(field) and not source.package_name:
                rule = "be left out, because there is no `package_name`"
                self._report.should(f"{path}.{field}", rule, of=of)
        if source.package_input and source.package_input not in others:
            where = f"{path}.package_input"
            self._report.should_name(where, "another block", source.package_input, others, of=of)
        package = dict(self._named_packages()).get(source.package_name)
        if package is not None and not source.package_input and _reads_its_input(package):
            rule = "name a block, because the package has `use_package_input`"
            self._report.should(f"{path}.package_input", rule, of=of)
        if source.HasField("reset_input"):
            check_input_layer(self._report, f"{path}.reset_input", source.reset_input, of)

    def _check_input_layer(self, block: backbone_pb2.Block, path: str, of: str) -> None:
        groups = [each.feature_group_name for each in block.inputs]
        if len(groups) != 1 or not groups[0]:
            rule = "be one `feature_group_name`, because it is an input_layer"
            self._report.should(f"{path}.inputs", rule, groups or None, of=of)
        elif block.name in self._groups and block.name != groups[0]:
            rule = f"not be the name of another feature group than `{groups[0]}`"
            self._report.should(f"{path}.name", rule, block.name)
        check_input_layer(self._report, f"{path}.input_layer", block.input_layer, of)

    def _check_layers(self, block: backbone_pb2.Block, path: str, of: str) -> None:
        kind = block.WhichOneof("layer")
        if block.layers and kind:
            rule = "be left out, because there is `layers`"
            self._report.should(f"{path}.{kind}", rule, of=of)
        for index, layer in enumerate(block.layers):
            at = f"{path}.layers[{index}]"
            if not layer.WhichOneof("layer"):
                self._report.should(at, "have one of keras_layer, recurrent or repeat", of=of)
            self._check_kind(layer, at, of)
        self._check_kind(block, path, of)

    def _check_kind(
        self, holder: backbone_pb2.Block | backbone_pb2.Layer, path: str, of: str
    ) -> None:
        kind = holder.WhichOneof("layer")
        if kind == "keras_layer":
            check_layer(self._report, f"{path}.keras_layer", holder.keras_layer, of)
        elif kind in ("recurrent", "repeat"):
            message, at = getattr(holder, kind), f"{path}.{kind}"
            count = "num_steps" if kind == "recurrent" else "num_repeat"
            check_at_least(self._report, f"{at}.{count}", getattr(message, count), 1, of=of)
            check_layer(self._report, f"{at}.keras_layer", message.keras_layer, of)
        if kind == "repeat":
            text = holder.repeat.input_slice
            _check_slice(self._report, f"{path}.repeat.input_slice", text, of, place=0)


def check_input_layer(report: Report, path: str, message: backbone_pb2.InputLayer, of: str) -> None:
    """An input layer has one form of output, one normalization, and drops shares."""
    forms = [form for form in _FORMS if getattr(message, form)]
    if len(forms) > 1:
        report.should(path, "have one form of output at most", forms, of=of)
    if message.do_batch_norm and message.do_layer_norm:
        report.should(f"{path}.do_layer_norm", "be false with `do_batch_norm`", True, of=of)
    for field in ("dropout_rate", "feature_dropout_rate"):
        check_share(report, f"{path}.{field}", getattr(message, field), of=of)
        if getattr(message, field) and message.output_seq_and_normal_feature:
            _refuse_beside_steps(report, f"{path}.{field}", getattr(message, field), of)
    for field in ("do_batch_norm", "do_layer_norm"):
        if getattr(message, field) and message.output_seq_and_normal_feature:
            _refuse_beside_steps(report, f"{path}.{field}", True, of)


def _refuse_beside_steps(report: Report, path: str, value: float, of: str) -> None:
    report.should(path, "be left out with `output_seq_and_normal_feature`", value, of=of)


def _check_slice(report: Report, path: str, text: str, of: str, place: int | None = None) -> None:
    if not text:
        return
    try:
        parse_slice(text, place)
    except ValueError:
        rule = "be whole numbers and ranges in brackets, such as `[0]` or `[:, 1:]`"
        report.should(path, rule, text, of=of)


def _named(block: str) -> str:
    return f"block `{block}`"


def _packages_read(graph: Graph) -> list[str]:
    return [each.package_name for block in graph.blocks for each in block.inputs]


def _reads_its_input(graph: Graph) -> bool:
    return any(each.use_package_input for block in graph.blocks for each in block.inputs)
