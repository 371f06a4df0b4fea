"""Every op in plain NumPy: the oracle of the tests and the baseline of the benchmarks."""

from fastembed.reference.attention import (  # noqa: F401
    attention_weight,
    attention_weight_backward,
    time_attention,
    time_attention_backward,
    weight_sum,
    weight_sum_backward,
)
from fastembed.reference.dense import affine, affine_backward, matmul  # noqa: F401
from fastembed.reference.embedding import gather, scatter_add  # noqa: F401
from fastembed.reference.linear_loss import linear_cross_entropy  # noqa: F401
from fastembed.reference.loss import (  # noqa: F401
    sigmoid_cross_entropy,
    softmax,
    softmax_backward,
    softmax_cross_entropy,
)
from fastembed.reference.negatives import negative_samples  # noqa: F401
from fastembed.reference.optim import (  # noqa: F401
    adagrad,
    adam,
    global_norm,
    momentum,
    nesterov,
    rmsprop,
    scale,
    sgd,
)
from fastembed.reference.recurrent import *  # noqa: F403
from fastembed.reference.sampling import (  # noqa: F401
    negative_sampling_backward,
    negative_sampling_loss,
)
