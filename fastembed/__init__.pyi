"""The lazy names of the package: read when it is imported, and by type checkers and editors."""

from fastembed import attention as attention
from fastembed import base_model as base_model
from fastembed import dropin as dropin
from fastembed import exchange as exchange
from fastembed import functions as functions
from fastembed import kernels as kernels
from fastembed import layers as layers
from fastembed import models as models
from fastembed import ops as ops
from fastembed import optimizer as optimizer
from fastembed import recurrent_layers as recurrent_layers
from fastembed import reference as reference
from fastembed import sparse as sparse
from fastembed import tables as tables
from fastembed import text as text
from fastembed import threads as threads
from fastembed import time_layers as time_layers
from fastembed import trainer as trainer
from fastembed import util as util
from fastembed import vectors as vectors
from fastembed import word2vec as word2vec
from fastembed.base_model import load as load
from fastembed.layers import Embedding as Embedding
from fastembed.models import Rnnlm as Rnnlm
from fastembed.ops import gather as gather
from fastembed.ops import lstm as lstm
from fastembed.ops import lstm_backward as lstm_backward
from fastembed.ops import scatter_add as scatter_add
from fastembed.ops import softmax_cross_entropy as softmax_cross_entropy
from fastembed.sparse import RowSparse as RowSparse
from fastembed.threads import get_num_threads as get_num_threads
from fastembed.threads import set_num_threads as set_num_threads
from fastembed.time_layers import LSTM as LSTM
from fastembed.time_layers import TimeEmbedding as TimeEmbedding
from fastembed.time_layers import TimeLSTM as TimeLSTM
from fastembed.trainer import RnnlmTrainer as RnnlmTrainer
from fastembed.word2vec import Word2Vec as Word2Vec

__version__: str

def load_ipython_extension(ipython: object) -> None: ...
def unload_ipython_extension(ipython: object) -> None: ...
