"""Keras layers with plain arguments: they know nothing of configs, features or tasks."""

from tfmtl.layers.activations import Dice, PReLU
from tfmtl.layers.batch_normalization import BatchNormalization
from tfmtl.layers.dnn import DNN
from tfmtl.layers.expert_bank import BankDense, ExpertBank, SplitExperts
from tfmtl.layers.gate import Gate, GateBank, MixExperts, MixForEach
from tfmtl.layers.packed_embedding import Lookup, PackedEmbedding, Table
from tfmtl.layers.sigmoid_product import SigmoidProduct

__all__ = [
    "BankDense",
    "BatchNormalization",
    "DNN",
    "Dice",
    "ExpertBank",
    "Gate",
    "GateBank",
    "Lookup",
    "MixExperts",
    "MixForEach",
    "PReLU",
    "PackedEmbedding",
    "SigmoidProduct",
    "SplitExperts",
    "Table",
]
