"""Configs in the shapes of EasyRec's 41 multi-task samples: what each sets, in small sizes.

All are of one mould: the data, the features, a model. The samples on sequences spell the features
in the older way.
"""

import dataclasses

COLUMNS = (
    "clk buy pid adgroup_id cate_id campaign_id customer brand user_id cms_segid cms_group_id "
    "final_gender_code age_level pvalue_level shopping_level occupation new_user_class_level "
    "tag_category_list tag_brand_list price"
).split()
NUMBERS = ("clk", "buy", "price")
LISTS = ("tag_category_list", "tag_brand_list")
USER = COLUMNS[8:11] + COLUMNS[12:17]
ITEM = ["adgroup_id", "cate_id", "campaign_id", "customer", "brand", "price"]
PLAIN = ["pid", *USER, *ITEM]  # 15 of the 16 id features; no group has final_gender_code.
TASKS = {"ctr": "clk", "cvr": "buy"}

TRAIN = """
train_input_path: "data/test/tb_data/taobao_train_data"
eval_input_path: "data/test/tb_data/taobao_test_data"
model_dir: "experiments/taobao_ckpt"
train_config {
  optimizer_config { adam_optimizer { learning_rate { RATE } } use_moving_average: false }
  num_steps: 5000
  sync_replicas: true
  save_checkpoints_steps: 100
  log_step_count_steps: 100
  SPREAD
}
eval_config { metrics_set: { auc {} } }
"""
DECAY = """exponential_decay_learning_rate {
  initial_learning_rate: 0.001 decay_steps: 1000 decay_factor: 0.5 min_learning_rate: 0.00001
}"""
CONSTANT = "constant_learning_rate { learning_rate: 0.001 }"

HASHED = "sub_feature_type: IdFeature hash_bucket_size: 50"
BOUNDARIES = "sub_feature_type: RawFeature boundaries: [15, 20, 21, 23, 30, 32, 40, 47, 1314]"
BUCKETS = "sub_feature_type: RawFeature num_buckets: 15 min_val: 0 max_val: 100000"
RAW = "sub_feature_type: RawFeature raw_input_dim: {} sequence_length: 50"
BY_DEFAULT = "hash_bucket_size: 50"


@dataclasses.dataclass
class Row:
    """A sample.

    Args:
        model: Its `model_config`.
        sequence: What its two lists are as sequences; "" if they are tags.
        several: Whether a step of them has several values.
        esmm: Whether its labels are in ESMM's order.
        epochs: Its `num_epochs`, if it has any.
        batch: Its batch.
        rate: Its learning rate.
        strategy: Its `train_distribute`.
    """

    model: str
    sequence: str = ""
    several: bool = False
    esmm: bool = False
    epochs: int = 0
    batch: int = 4096
    rate: str = DECAY
    strategy: str = ""

    @property
    def text(self):
        head = TRAIN.replace("RATE", self.rate).replace("SPREAD", self.strategy)
        return f"{head}{self._data()}{self._features()}model_config: {{ {self.model} }}"

    def _data(self):
        numeric = self.sequence not in ("", BY_DEFAULT)
        fields = [
            f"input_fields {{ input_name: '{name}' "
            f"input_type: {'INT32' if name in NUMBERS else 'STRING'} "
            + ("default_val: '0' }" if numeric and name in LISTS else "}")
            for name in COLUMNS
        ]
        labels = ["buy", "clk"] if self.esmm else ["clk", "buy"]
        return (
            f"data_config {{ {' '.join(fields)} label_fields: {labels} batch_size: {self.batch} "
            + (f"num_epochs: {self.epochs} " if self.epochs else "")
            + "prefetch_size: 32 input_type: CSVInput separator: ',' }"
        )

    def _features(self):
        ids = "input_names: '{}' feature_type: IdFeature embedding_dim: 16 hash_bucket_size: 90"
        features = [ids.format(name) for name in COLUMNS[2:17]]
        features += [self._list(name) for name in LISTS]
        price = "input_names: 'price' feature_type: IdFeature embedding_dim: 16 num_buckets: 50"
        features.append(price)
        if self.sequence:
            return "".join(f"feature_configs: {{ {each} }}\n" for each in features)
        inner = "".join(f"features: {{ {each} }}\n" for each in features)
        return f"feature_config: {{ {inner} }}"

    def _list(self, name):
        both = f"input_names: '{name}' separator: '|' embedding_dim: 16"
        if not self.sequence:
            return f"{both} feature_type: TagFeature hash_bucket_size: 50"
        inside = "seq_multi_sep: ';'" if self.several else ""
        return f"{both} feature_type: SequenceFeature {self.sequence} {inside}"


def group(members, name="all", sequences=""):
    names = " ".join(f"feature_names: '{member}'" for member in members)
    return f"feature_groups: {{ group_name: '{name}' {names} wide_deep: DEEP " + (
        f"{sequences} }}" if sequences else "}"
    )


def attention(*maps, **options):
    """A `sequence_features`, of texts such as "brand,cate_id < tag_brand_list > aux".

    All have one name: nothing is to depend on it.
    """
    written = " ".join(f"{name}: {value}" for name, value in options.items())
    return (
        f"sequence_features: {{ group_name: 'seq_fea' tf_summary: false {written} "
        f"{' '.join(map(_map, maps))} }}"
    )


def _map(text):
    """One `seq_att_map`."""
    keys, _, rest = text.partition(" < ")
    history, _, others = rest.partition(" > ")
    fields = {"key": keys, "hist_seq": history, "aux_hist_seq": others}
    inner = [f"{k}: '{each}'" for k, v in fields.items() for each in v.split(",") if each]
    return f"seq_att_map: {{ {' '.join(inner)} }}"


BOTH = "brand,cate_id < tag_brand_list,tag_category_list"
ONE_KEY = "brand < tag_brand_list,tag_category_list"
ALL = group([*PLAIN, *LISTS])
DNN = "hidden_units: [8, 6]"
HEAD = "num_class: 1 loss_type: CLASSIFICATION metrics_set: { auc {} } weight: 1.0"
LOSSES = {
    "ctr": "losses { loss_type: CLASSIFICATION weight: 1.0 } "
    "losses { loss_type: PAIR_WISE_LOSS weight: 1.0 }",
    "cvr": "",
}


def tower(task, more="", head=HEAD):
    return f"tower_name: '{task}' label_name: '{TASKS[task]}' dnn {{ {DNN} }} {head} {more}"


def towers(ctr="", cvr="", head=HEAD):
    ctr, cvr = tower("ctr", ctr, head), tower("cvr", cvr, head)
    return f"task_towers {{ {ctr} }} task_towers {{ {cvr} }} l2_regularization: 1e-6"


RELATED = "relation_tower_names: ['ctr'] relation_dnn { hidden_units: [5] }"
PENALTY = "embedding_regularization: 5e-6"


def dbmtl(groups=ALL, more="", ctr="", cvr="", extra=""):
    return (
        f"model_class: 'DBMTL' {groups} dbmtl {{ bottom_dnn {{ {DNN} }} {more} "
        f"{towers(f'relation_dnn {{ hidden_units: [5] }} {ctr}', f'{RELATED} {cvr}')} }} "
        f"{PENALTY} {extra}"
    )


def on_sequences(*attentions):
    return group(PLAIN, sequences=" ".join(attentions))


def sequence(kind, *attentions, several=False, batch=4096, extra=""):
    groups = on_sequences(*(attentions or [attention(BOTH)]))
    return Row(dbmtl(groups, extra=extra), kind, several, batch=batch)


def multi_task(blocks, ctr="", cvr=""):
    return (
        f"model_name: 'backbone' model_class: 'MultiTaskModel' {ALL} backbone {{ {blocks} }} "
        f"model_params {{ {towers(ctr, cvr)} }} {PENALTY}"
    )


def block(name, inputs, layer=""):
    read = " ".join(f"inputs {{ {each} }}" for each in inputs)
    return f"blocks {{ name: '{name}' {read} {layer} }} "


def keras(name, field="", parameters=""):
    inner = f"{field} {{ {parameters} }}" if field else ""
    return f"keras_layer {{ class_name: '{name}' {inner} }}"


FROM_ALL = ["feature_group_name: 'all'"]
AITM = (
    block("share", FROM_ALL, keras("MLP", "mlp", "hidden_units: [9, 7]"))
    + block("ctr_net", ["block_name: 'share'"], keras("MLP", "mlp", "hidden_units: 5"))
    + block("cvr_net", ["block_name: 'share'"], keras("MLP", "mlp", "hidden_units: 5"))
    + block(
        "cvr_tower",
        ["block_name: 'cvr_net'", "block_name: 'ctr_net'"],
        "merge_inputs_into_list: true "
        + keras("AITMTower", "aitm", "project_dim: 5 transfer_mlp { hidden_units: [5] }"),
    )
    + "output_blocks: ['ctr_net', 'cvr_tower']"
)
ORDERED = "losses { loss_type: CLASSIFICATION } losses { loss_type: ORDER_CALIBRATE_LOSS }"
MASKNET = block(
    "mask_net",
    FROM_ALL,
    keras(
        "MaskNet",
        "masknet",
        "mask_blocks { aggregation_size: 8 output_size: 6 } "
        "mask_blocks { aggregation_size: 8 output_size: 6 } mlp { hidden_units: [8, 5] }",
    ),
)
SENET_MMOE = (
    block("all", FROM_ALL, "input_layer { only_output_feature_list: true }")
    + block("senet", ["block_name: 'all'"], keras("SENet", "senet", "reduction_ratio: 4"))
    + block(
        "mmoe",
        ["block_name: 'senet'"],
        keras("MMoE", "mmoe", "num_task: 2 num_expert: 3 expert_mlp { hidden_units: [8, 6] }"),
    )
)
IDENTITY = block("identity", FROM_ALL)


def esmm(groups, extra=""):
    listed = ["user", "item", "combo"][: groups.count("feature_groups")]
    inner = " ".join(f"groups {{ input: '{name}' dnn {{ {DNN} }} }}" for name in listed)
    return (
        f"model_class: 'ESMM' {groups} esmm {{ {inner} "
        f"ctr_tower {{ {tower('ctr')} }} cvr_tower {{ {tower('cvr')} }} "
        f"l2_regularization: 1e-6 }} {PENALTY} {extra}"
    )


COMBO = ["pid", *LISTS]
ESMM = esmm(group(USER, "user") + group(ITEM, "item") + group(COMBO, "combo"))
DROPOUT = "variational_dropout {{ regularization_lambda: 0.01 {}: {} }}"
DROPOUT_OF = "embedding_wise_variational_dropout"


def dropout(value):
    return DROPOUT.format(DROPOUT_OF, value)


def mmoe(experts, groups=ALL, ctr="", cvr=""):
    return f"model_class: 'MMoE' {groups} mmoe {{ {experts} {towers(ctr, cvr)} }} {PENALTY}"


BANK = "expert_dnn { hidden_units: [8, 6] } num_expert: 4"
OLD_EXPERTS = " ".join(
    f"experts {{ expert_name: '{name}' dnn {{ {DNN} }} }}" for name in ("a", "b", "b")
)


def ple(groups):
    networks = " ".join(
        f"extraction_networks {{ network_name: 'layer{i}' expert_num_per_task: 2 share_num: 2 "
        f"task_expert_net {{ {DNN} }} share_expert_net {{ {DNN} }} }}"
        for i in (1, 2)
    )
    return f"model_class: 'PLE' {groups} ple {{ {networks} {towers()} }} {PENALTY}"


def simple(groups):
    return f"model_class: 'SimpleMultiTask' {groups} simple_multi_task {{ {towers()} }} {PENALTY}"


def nameless(model):
    """Towers that find their labels by their place."""
    return model.replace("label_name: 'clk'", "").replace("label_name: 'buy'", "")


TWO_LOSSES = (
    "losses { loss_type: F1_REWEIGHTED_LOSS weight: 1.0 f1_reweighted_loss "
    "{ f1_beta_square: 0.5625 } } losses { loss_type: PAIR_WISE_LOSS weight: 1.0 }"
)
JRC = "losses { loss_type: JRC_LOSS weight: 1.0 jrc_loss { session_name: 'user_id' } }"

ROWS = {
    "aitm": Row(multi_task(AITM, cvr=ORDERED), rate=CONSTANT),
    "dbmtl_backbone": Row(multi_task(MASKNET, "relation_dnn { hidden_units: [5] }", RELATED)),
    "dbmtl_mmoe": Row(dbmtl(more=BANK)),
    "multi_numeric_boundary_allow_key_transform": sequence(
        BOUNDARIES, attention(ONE_KEY, allow_key_transform="true"), several=True
    ),
    "multi_numeric_boundary_allow_key_transform_dnn": sequence(
        BOUNDARIES,
        attention(ONE_KEY, allow_key_transform="true", transform_dnn="true"),
        attention(ONE_KEY, allow_key_transform="true"),
        several=True,
    ),
    "multi_numeric_boundary_allow_key_transform_multi_seq": sequence(
        BOUNDARIES,
        attention(ONE_KEY, allow_key_transform="true"),
        attention(ONE_KEY, allow_key_transform="true"),
        several=True,
    ),
    "multi_numeric_boundary_need_key_feature": sequence(
        BOUNDARIES, attention(BOTH, need_key_feature="false"), several=True
    ),
    "multi_numeric_boundary": sequence(BOUNDARIES, several=True),
    "multi_numeric_hash_bucket": sequence(HASHED, several=True, batch=4),
    "multi_numeric_num_buckets": sequence(BUCKETS, several=True),
    "multi_numeric_raw": sequence(RAW.format(4), several=True, batch=4),
    "multi_sequence": sequence(
        BY_DEFAULT,
        attention(*["brand < tag_brand_list"] * 2),
        attention(*["cate_id < tag_category_list"] * 2),
    ),
    "numeric_boundary_aux_hist_seq": sequence(
        BOUNDARIES, attention("brand < tag_brand_list > tag_category_list")
    ),
    "numeric_boundary": sequence(BOUNDARIES),
    "numeric_hash_bucket": sequence(HASHED),
    "numeric_num_buckets": sequence(BUCKETS),
    "numeric_raw": sequence(RAW.format(1)),
    "sequence": sequence(BY_DEFAULT),
    "dbmtl": Row(dbmtl()),
    "dbmtl_with_multi_loss": Row(
        dbmtl(ctr=TWO_LOSSES, cvr=JRC)
        .replace(HEAD, HEAD.replace("num_class: 1", "num_class: 2"))
        .replace("num_class: 2", "num_class: 1", 1)
        .replace("hidden_units: [5]", "hidden_units: [5] activation: 'dice'")
    ),
    "variational_dropout": Row(dbmtl(extra=dropout("true"))),
    "variational_dropout_feature_num": Row(dbmtl(extra=dropout("false"))),
    "variational_dropout_on_sequence_feature": sequence(BY_DEFAULT, extra=dropout("true")),
    "esmm": Row(ESMM, esmm=True, epochs=10000),
    "esmm_on_sequence_feature": Row(
        esmm(group(USER, "user", attention(BOTH, allow_key_search="true")) + group(ITEM, "item")),
        BY_DEFAULT,
        esmm=True,
        epochs=10000,
    ),
    "esmm_variational_dropout": Row(f"{ESMM} {dropout('true')}", esmm=True, epochs=10000),
    "mmoe_backbone": Row(multi_task(SENET_MMOE)),
    "mmoe_on_sequence_feature": Row(mmoe(BANK, on_sequences(attention(BOTH))), BY_DEFAULT),
    "mmoe": Row(mmoe(BANK)),
    "mmoe_deprecated": Row(nameless(mmoe(OLD_EXPERTS))),
    "mmoe_with_multi_loss": Row(mmoe(BANK, ctr=LOSSES["ctr"])),
    "ple_on_sequence_feature": Row(ple(on_sequences(attention(BOTH))), BY_DEFAULT),
    "ple": Row(ple(ALL)),
    "simple_multi_task_backbone": Row(multi_task(IDENTITY)),
    "simple_multi_task_on_sequence_feature": Row(simple(on_sequences(attention(BOTH))), BY_DEFAULT),
    "simple_multi_task": Row(simple(ALL)),
}
# Samples that use nothing else than another does: its path alone, or its metrics' command.
ALIKE = {
    "dbmtl_on_taobao_test_feature_config": "dbmtl",
    "esmm_distribute_eval": "esmm",
    # And a strategy, which is tested with strategies.
    "mmoe_mirrored_strategy": "mmoe_backbone",
}
BOTTOMS = {"dbmtl_cmbf_on_movielens": "bottom_cmbf", "dbmtl_uniter_on_movielens": "bottom_uniter"}
