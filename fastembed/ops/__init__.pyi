"""What the lazy names of fastembed.ops are, for type checkers and editors."""

from fastembed.ops.attention import attention_weight as attention_weight
from fastembed.ops.attention import attention_weight_backward as attention_weight_backward
from fastembed.ops.attention import time_attention as time_attention
from fastembed.ops.attention import time_attention_backward as time_attention_backward
from fastembed.ops.attention import weight_sum as weight_sum
from fastembed.ops.attention import weight_sum_backward as weight_sum_backward
from fastembed.ops.dense import affine as affine
from fastembed.ops.dense import affine_backward as affine_backward
from fastembed.ops.dense import matmul as matmul
from fastembed.ops.embedding import gather as gather
from fastembed.ops.embedding import scatter_add as scatter_add
from fastembed.ops.bags import embedding_bag as embedding_bag
from fastembed.ops.bags import embedding_bag_backward as embedding_bag_backward
from fastembed.ops.bags import segment_sum as segment_sum
from fastembed.ops.loss import linear_cross_entropy as linear_cross_entropy
from fastembed.ops.loss import sigmoid_cross_entropy as sigmoid_cross_entropy
from fastembed.ops.loss import softmax as softmax
from fastembed.ops.loss import softmax_backward as softmax_backward
from fastembed.ops.loss import softmax_cross_entropy as softmax_cross_entropy
from fastembed.ops.negative_sampling import negative_samples as negative_samples
from fastembed.ops.negative_sampling import negative_sampling_backward as negative_sampling_backward
from fastembed.ops.negative_sampling import negative_sampling_loss as negative_sampling_loss
from fastembed.ops.optim import adagrad as adagrad
from fastembed.ops.optim import adam as adam
from fastembed.ops.optim import global_norm as global_norm
from fastembed.ops.optim import momentum as momentum
from fastembed.ops.optim import nesterov as nesterov
from fastembed.ops.optim import rmsprop as rmsprop
from fastembed.ops.optim import scale as scale
from fastembed.ops.optim import sgd as sgd
from fastembed.ops.recurrent import *  # noqa: F403
from fastembed.ops.sparse import coalesce as coalesce
from fastembed.ops.word2vec import alias_table as alias_table
from fastembed.ops.word2vec import train_word2vec as train_word2vec
