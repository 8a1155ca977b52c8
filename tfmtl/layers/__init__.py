"""Keras layers with plain arguments: they know nothing of configs, features or tasks."""

from tfmtl.layers.activations import Dice, PReLU
from tfmtl.layers.auto_dis import AutoDis
from tfmtl.layers.batch_normalization import BatchNormalization
from tfmtl.layers.cross_stitch import CrossStitch
from tfmtl.layers.dnn import DNN
from tfmtl.layers.event_logit import REST, EventLogit, OutcomeLogit
from tfmtl.layers.expert_bank import BankDense, ExpertBank
from tfmtl.layers.factorization_machine import FactorizationMachine
from tfmtl.layers.feature_sum import FeatureSum
from tfmtl.layers.gate import Gate, GateBank, MixExperts, MixForEach
from tfmtl.layers.layer_mix import LayerMix
from tfmtl.layers.negative_sampling_correction import NegativeSamplingCorrection
from tfmtl.layers.order_calibrator import OrderCalibrator
from tfmtl.layers.packed_embedding import Lookup, PackedEmbedding, Table
from tfmtl.layers.periodic import Periodic
from tfmtl.layers.pooled_steps import PooledSteps
from tfmtl.layers.recurrent_steps import RecurrentSteps
from tfmtl.layers.self_attention import SelfAttention
from tfmtl.layers.sigmoid_ratio import IsRatioClipped, SigmoidRatio
from tfmtl.layers.similar_bank import SimilarBank
from tfmtl.layers.steps import JoinSteps, PadUnits, StepDense
from tfmtl.layers.stop_gradient import StopGradient
from tfmtl.layers.subspace_bank import SubspaceBank
from tfmtl.layers.target_attention import TargetAttention
from tfmtl.layers.text_cnn import TextCNN
from tfmtl.layers.transfer_attention import TransferAttention
from tfmtl.layers.tucker_bank import TuckerBank, TuckerDense
from tfmtl.layers.variational_dropout import VariationalDropout
from tfmtl.layers.weighed_steps import WeighedSteps

__all__ = [
    "AutoDis",
    "BankDense",
    "BatchNormalization",
    "CrossStitch",
    "DNN",
    "Dice",
    "EventLogit",
    "ExpertBank",
    "FactorizationMachine",
    "FeatureSum",
    "Gate",
    "GateBank",
    "IsRatioClipped",
    "JoinSteps",
    "LayerMix",
    "Lookup",
    "MixExperts",
    "MixForEach",
    "NegativeSamplingCorrection",
    "OrderCalibrator",
    "OutcomeLogit",
    "PReLU",
    "PackedEmbedding",
    "PadUnits",
    "Periodic",
    "PooledSteps",
    "REST",
    "RecurrentSteps",
    "SelfAttention",
    "SigmoidRatio",
    "SimilarBank",
    "StepDense",
    "StopGradient",
    "SubspaceBank",
    "Table",
    "TargetAttention",
    "TextCNN",
    "TransferAttention",
    "TuckerBank",
    "TuckerDense",
    "VariationalDropout",
    "WeighedSteps",
]
