"""Two regressions whose correlation is chosen: the synthetic data of the MMoE paper.

    u_1 ⊥ u_2, unit vectors of R^d
    w_1 = c·u_1,   w_2 = c·(p·u_1 + √(1 − p²)·u_2)            so that cos(w_1, w_2) = p
    x ~ N(0, I_d)
    y_k = w_kᵀx + Σ_i sin(α_i·w_kᵀx + β_i) + ε_k,   ε_k ~ N(0, 0.01)

The paper leaves c, α and β open. Here c = 1, α = (1, 2, 3) and β = (0, 1, 2): three waves, of which
the label turns around several times over the range of w_kᵀx, whose deviation is c.

References:
    Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", KDD 2018, https://doi.org/10.1145/3219819.3220007, section 3.2
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SCALE = 1.0  # c
ALPHAS = (1.0, 2.0, 3.0)
BETAS = (0.0, 1.0, 2.0)
NOISE_VARIANCE = 0.01
LABELS = ("y1", "y2")


def orthogonal_units(random: np.random.Generator, dimensions: int) -> np.ndarray:
    """Two orthogonal unit vectors of random directions, (2, dimensions)."""
    columns, _ = np.linalg.qr(random.normal(size=(dimensions, 2)))
    return columns.T


def task_weights(units: np.ndarray, cosine: float) -> np.ndarray:
    """w_1 and w_2, (2, dimensions), of a chosen cosine."""
    u_1, u_2 = units
    return SCALE * np.stack([u_1, cosine * u_1 + np.sqrt(1.0 - cosine**2) * u_2])


def noiseless_labels(projections: np.ndarray) -> np.ndarray:
    """The labels of z = wᵀx without ε, elementwise: z + Σ_i sin(α_i·z + β_i)."""
    waves = (np.sin(alpha * projections + beta) for alpha, beta in zip(ALPHAS, BETAS, strict=True))
    return projections + sum(waves)


def feature_names(dimensions: int) -> list[str]:
    """The columns of x."""
    return [f"x{place}" for place in range(dimensions)]


def make_frame(random: np.random.Generator, weights: np.ndarray, rows: int) -> pd.DataFrame:
    """Draws rows: columns `x0`, `x1` …, `y1` and `y2`, float32.

    Args:
        random: Where the numbers come from.
        weights: w_1 and w_2, (2, dimensions).
        rows: How many.
    """
    x = random.normal(size=(rows, weights.shape[1]))
    noise = np.sqrt(NOISE_VARIANCE) * random.normal(size=(rows, 2))
    y = noiseless_labels(x @ weights.T) + noise
    columns = [*feature_names(weights.shape[1]), *LABELS]
    return pd.DataFrame(np.hstack([x, y]).astype(np.float32), columns=columns)


def label_correlation(frame: pd.DataFrame) -> float:
    """Pearson's correlation of the two labels."""
    return float(np.corrcoef(frame[LABELS[0]], frame[LABELS[1]])[0, 1])
