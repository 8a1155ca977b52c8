"""Keras layers with plain arguments: they know nothing of configs, features or tasks."""

from tfmtl.layers.activations import Dice, PReLU, activation
from tfmtl.layers.auto_dis import AutoDis
from tfmtl.layers.batch_normalization import BatchNormalization, averages_kept
from tfmtl.layers.bilinear import BiLinear
from tfmtl.layers.cross_stitch import CrossStitch
from tfmtl.layers.dnn import DNN
from tfmtl.layers.embedding_tables import Lookup, Table
from tfmtl.layers.event_logit import REST, EventLogit, OutcomeLogit
from tfmtl.layers.expert_bank import BankDense, ExpertBank
from tfmtl.layers.factorization_machine import FactorizationMachine
from tfmtl.layers.feature_sum import FeatureSum
from tfmtl.layers.gate import Gate, GateBank, MixExperts, MixForEach
from tfmtl.layers.highway import Highway
from tfmtl.layers.layer_mix import LayerMix
from tfmtl.layers.mask_block import MaskBlock
from tfmtl.layers.mlp import MLP
from tfmtl.layers.negative_sampling_correction import NegativeSamplingCorrection
from tfmtl.layers.order_calibrator import OrderCalibrator
from tfmtl.layers.own_attention import OwnAttention
from tfmtl.layers.packed_embedding import PackedEmbedding
from tfmtl.layers.parts_of_features import FeatureDropout, SplitUnits, StackVectors, TakePart
from tfmtl.layers.periodic import Periodic
from tfmtl.layers.pooled_steps import PooledSteps
from tfmtl.layers.recurrent_steps import RecurrentSteps
from tfmtl.layers.self_attention import SelfAttention
from tfmtl.layers.senet import SENet
from tfmtl.layers.sigmoid_ratio import IsRatioClipped, SigmoidRatio
from tfmtl.layers.similar_bank import SimilarBank
from tfmtl.layers.step_attention import StepAttention
from tfmtl.layers.steps import JoinSteps, PadUnits, StepDense
from tfmtl.layers.stop_gradient import StopGradient
from tfmtl.layers.stored_rows import BFloat16Rows, Int8Rows
from tfmtl.layers.subspace_bank import SubspaceBank
from tfmtl.layers.target_attention import TargetAttention
from tfmtl.layers.text_cnn import TextCNN
from tfmtl.layers.transfer_attention import TransferAttention
from tfmtl.layers.tucker_bank import TuckerBank, TuckerDense
from tfmtl.layers.variational_dropout import VariationalDropout
from tfmtl.layers.weighed_steps import WeighedSteps

__all__ = [
    "AutoDis",
    "BFloat16Rows",
    "BankDense",
    "BatchNormalization",
    "BiLinear",
    "CrossStitch",
    "DNN",
    "Dice",
    "EventLogit",
    "ExpertBank",
    "FactorizationMachine",
    "FeatureDropout",
    "FeatureSum",
    "Gate",
    "GateBank",
    "Highway",
    "IsRatioClipped",
    "JoinSteps",
    "Int8Rows",
    "LayerMix",
    "Lookup",
    "MLP",
    "MaskBlock",
    "MixExperts",
    "MixForEach",
    "NegativeSamplingCorrection",
    "OrderCalibrator",
    "OutcomeLogit",
    "OwnAttention",
    "PReLU",
    "PackedEmbedding",
    "PadUnits",
    "Periodic",
    "PooledSteps",
    "REST",
    "RecurrentSteps",
    "SENet",
    "SelfAttention",
    "SigmoidRatio",
    "SimilarBank",
    "SplitUnits",
    "StackVectors",
    "StepAttention",
    "StepDense",
    "StopGradient",
    "SubspaceBank",
    "Table",
    "TakePart",
    "TargetAttention",
    "TextCNN",
    "TransferAttention",
    "TuckerBank",
    "TuckerDense",
    "VariationalDropout",
    "WeighedSteps",
    "activation",
    "averages_kept",
]
