"""The book's layers the slow way: one NumPy statement a formula, one layer object a time step.

Written to be read and to cost what such code costs: the tests compare with it, the benchmarks
measure against it. The formulas are those of *Deep Learning from Scratch 2* (K. Saitoh).
"""

from collections import Counter

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(0, x)


def softmax(x):
    """Softmax over the last axis of one or two; an array of more axes is handed back as it is."""
    if x.ndim not in (1, 2):
        return x
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def cross_entropy_error(y, t):
    """Mean of -log(y[n, t[n]] + 1e-7); t holds classes or one-hot rows."""
    if y.ndim == 1:
        y, t = y[None, :], t.reshape(1, -1)
    if t.size == y.size:
        t = t.argmax(axis=1)
    N = len(y)
    return -np.log(y[np.arange(N), t] + 1e-7).sum() / N


class _Layer:
    def __init__(self, *params):
        self.params = list(params)
        self.grads = [np.zeros_like(param) for param in params]

    def _fill(self, *grads):
        for mine, grad in zip(self.grads, grads, strict=True):
            mine[...] = grad


# --- layers without a time axis ---


class MatMul(_Layer):
    def __init__(self, W):
        super().__init__(W)
        self.x = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.params[0])

    def backward(self, dout):
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, self.params[0].T)


class Affine(_Layer):
    def __init__(self, W, b):
        super().__init__(W, b)
        self.x = None

    def forward(self, x):
        W, b = self.params
        self.x = x
        return np.dot(x, W) + b

    def backward(self, dout):
        self._fill(np.dot(self.x.T, dout), dout.sum(axis=0))
        return np.dot(dout, self.params[0].T)


class Softmax(_Layer):
    def __init__(self):
        super().__init__()
        self.out = None

    def forward(self, x):
        self.out = softmax(x)
        return self.out

    def backward(self, dout):
        dx = self.out * dout
        return dx - self.out * dx.sum(axis=1, keepdims=True)


class SoftmaxWithLoss(_Layer):
    def __init__(self):
        super().__init__()
        self.y = self.t = None

    def forward(self, x, t):
        self.y = softmax(x)
        self.t = t.argmax(axis=1) if t.size == self.y.size else t
        return cross_entropy_error(self.y, self.t)

    def backward(self, dout=1):
        N = len(self.t)
        dx = self.y.copy()
        dx[np.arange(N), self.t] -= 1
        dx *= dout
        return dx / N


class Sigmoid(_Layer):
    def __init__(self):
        super().__init__()
        self.out = None

    def forward(self, x):
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out


class SigmoidWithLoss(_Layer):
    def __init__(self):
        super().__init__()
        self.loss = self.y = self.t = None

    def forward(self, x, t):
        self.t = t
        self.y = sigmoid(x)
        self.loss = cross_entropy_error(np.stack([1 - self.y, self.y], axis=1), t)
        return self.loss

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


class Dropout(_Layer):
    def __init__(self, dropout_ratio=0.5):
        super().__init__()
        self.dropout_ratio = dropout_ratio
        self.mask = None

    def forward(self, x, train_flg=True):
        if not train_flg:
            return x * (1.0 - self.dropout_ratio)
        self.mask = np.random.rand(*x.shape) > self.dropout_ratio
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class Embedding:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.idx = None

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        dW = self.grads[0]
        dW[...] = 0
        np.add.at(dW, self.idx, dout)


class _EmbeddingWithOptions(Embedding):
    """Those of ``torch.nn.Embedding``."""

    def __init__(self, W, **options):
        super().__init__(W)
        self.options = options

    def forward(self, idx):
        W, most = self.params[0], self.options.get("max_norm")
        for v in np.unique(np.asarray(idx) % len(W)) if most is not None else ():
            norm = np.linalg.norm(W[v], self.options.get("norm_type", 2))
            if norm > most:
                W[v] *= most / (norm + 1e-7)
        return super().forward(idx)

    def backward(self, dout):
        super().backward(dout)
        dW = self.grads[0]
        if self.options.get("scale_grad_by_freq"):
            counts = np.bincount(np.asarray(self.idx).reshape(-1) % len(dW), minlength=len(dW))
            dW /= np.maximum(counts, 1)[:, None]
        if "padding_idx" in self.options:
            dW[self.options["padding_idx"]] = 0
        if self.options.get("freeze"):
            dW[...] = 0


class EmbeddingBag(_Layer):
    """Means of bags (N, L) of ids."""

    def __init__(self, W):
        super().__init__(W)
        self.idx = None

    def forward(self, idx):
        self.idx = np.asarray(idx)
        return self.params[0][self.idx].mean(axis=1)

    def backward(self, dout):
        dW, L = np.zeros_like(self.params[0]), self.idx.shape[1]
        np.add.at(dW, self.idx, dout[:, None, :] / L)
        self._fill(dW)


class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads
        self.cache = None

    def forward(self, h, idx):
        rows = self.embed.forward(idx)
        self.cache = h, rows
        return (rows * h).sum(axis=1)

    def backward(self, dout):
        h, rows = self.cache
        dout = dout[:, None]
        self.embed.backward(dout * h)
        return dout * rows


class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.sample_size = sample_size
        counts = Counter(corpus)
        self.vocab_size = len(counts)
        p = np.array([counts[i] for i in range(self.vocab_size)], float) ** power
        self.word_p = p / p.sum()

    def get_negative_sample(self, target):
        negatives = np.zeros((len(target), self.sample_size), np.int32)
        for row, word in zip(negatives, target, strict=True):
            p = self.word_p.copy()
            p[word] = 0
            p /= p.sum()
            row[:] = np.random.choice(self.vocab_size, self.sample_size, replace=False, p=p)
        return negatives


class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.sample_size = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.loss_layers = [SigmoidWithLoss() for _ in range(1 + sample_size)]
        self.embed_dot_layers = [EmbeddingDot(W) for _ in range(1 + sample_size)]
        self.params = [layer.params[0] for layer in self.embed_dot_layers]
        self.grads = [layer.grads[0] for layer in self.embed_dot_layers]

    def forward(self, h, target):
        words = np.column_stack([target, self.sampler.get_negative_sample(target)])
        loss = 0
        for k in range(1 + self.sample_size):
            label = np.full(len(words), k == 0, np.int32)
            score = self.embed_dot_layers[k].forward(h, words[:, k])
            loss += self.loss_layers[k].forward(score, label)
        return loss

    def backward(self, dout=1):
        pairs = zip(self.loss_layers, self.embed_dot_layers, strict=True)
        return sum(dot.backward(loss.backward(dout)) for loss, dot in pairs)


# --- one time step ---


class RNN(_Layer):
    def __init__(self, Wx, Wh, b):
        super().__init__(Wx, Wh, b)
        self.cache = None

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        h = np.tanh(np.dot(x, Wx) + np.dot(h_prev, Wh) + b)
        self.cache = x, h_prev, h
        return h

    def backward(self, dh):
        Wx, Wh, _ = self.params
        x, h_prev, h = self.cache
        da = dh * (1 - h**2)
        self._fill(np.dot(x.T, da), np.dot(h_prev.T, da), da.sum(axis=0))
        return np.dot(da, Wx.T), np.dot(da, Wh.T)


class LSTM(_Layer):
    def __init__(self, Wx, Wh, b):
        super().__init__(Wx, Wh, b)
        self.cache = None

    def forward(self, x, h_prev, c_prev):
        Wx, Wh, b = self.params
        H = h_prev.shape[1]
        a = np.dot(x, Wx) + np.dot(h_prev, Wh) + b
        f, g = sigmoid(a[:, :H]), np.tanh(a[:, H : 2 * H])
        i, o = sigmoid(a[:, 2 * H : 3 * H]), sigmoid(a[:, 3 * H :])
        c = f * c_prev + g * i
        h = o * np.tanh(c)
        self.cache = x, h_prev, c_prev, f, g, i, o, c
        return h, c

    def backward(self, dh, dc):
        Wx, Wh, _ = self.params
        x, h_prev, c_prev, f, g, i, o, c = self.cache
        tanh_c = np.tanh(c)
        dc = dc + dh * o * (1 - tanh_c**2)
        df = dc * c_prev * f * (1 - f)
        dg = dc * i * (1 - g**2)
        di = dc * g * i * (1 - i)
        do = dh * tanh_c * o * (1 - o)
        da = np.concatenate([df, dg, di, do], axis=1)
        self._fill(np.dot(x.T, da), np.dot(h_prev.T, da), da.sum(axis=0))
        return np.dot(da, Wx.T), np.dot(da, Wh.T), dc * f


class GRU(_Layer):
    def __init__(self, Wx, Wh, b):
        super().__init__(Wx, Wh, b)
        self.cache = None

    def forward(self, x, h_prev):
        (Wxz, Wxr, Wxh), (Whz, Whr, Whh), (bz, br, bh) = self._gates()
        z = sigmoid(np.dot(x, Wxz) + np.dot(h_prev, Whz) + bz)
        r = sigmoid(np.dot(x, Wxr) + np.dot(h_prev, Whr) + br)
        h_hat = np.tanh(np.dot(x, Wxh) + np.dot(r * h_prev, Whh) + bh)
        self.cache = x, h_prev, z, r, h_hat
        return (1 - z) * h_prev + z * h_hat

    def backward(self, dh):
        (Wxz, Wxr, Wxh), (Whz, Whr, Whh), _ = self._gates()
        x, h_prev, z, r, h_hat = self.cache
        da_h = dh * z * (1 - h_hat**2)
        d_rh = np.dot(da_h, Whh.T)
        da_z = dh * (h_hat - h_prev) * z * (1 - z)
        da_r = d_rh * h_prev * r * (1 - r)
        dh_prev = dh * (1 - z) + d_rh * r + np.dot(da_z, Whz.T) + np.dot(da_r, Whr.T)
        dx = np.dot(da_z, Wxz.T) + np.dot(da_r, Wxr.T) + np.dot(da_h, Wxh.T)
        dWh = [np.dot(h_prev.T, da_z), np.dot(h_prev.T, da_r), np.dot((r * h_prev).T, da_h)]
        da = np.concatenate([da_z, da_r, da_h], axis=1)
        self._fill(np.dot(x.T, da), np.concatenate(dWh, axis=1), da.sum(axis=0))
        return dx, dh_prev

    def _gates(self):
        H = self.params[1].shape[0]
        gates = slice(H), slice(H, 2 * H), slice(2 * H, 3 * H)
        return [[param[..., gate] for gate in gates] for param in self.params]


# --- layers with a time axis ---


class TimeRNN(_Layer):
    cell = RNN

    def __init__(self, Wx, Wh, b, stateful=False):
        super().__init__(Wx, Wh, b)
        self.layers = None
        self.h = self.dh = None
        self.stateful = stateful

    def forward(self, xs):
        N, T, _ = xs.shape
        H = self.params[1].shape[0]
        hs = np.empty((N, T, H), "f")
        if not self.stateful or self.h is None:
            self.h = np.zeros((N, H), "f")
        self.layers = []
        for t in range(T):
            layer = self.cell(*self.params)
            self.h = hs[:, t] = layer.forward(xs[:, t], self.h)
            self.layers.append(layer)
        return hs

    def backward(self, dhs):
        N, T, _ = dhs.shape
        dxs = np.empty((N, T, self.params[0].shape[0]), "f")
        dh, total = 0, [0, 0, 0]
        for t in reversed(range(T)):
            dxs[:, t], dh = self.layers[t].backward(dhs[:, t] + dh)
            for k, grad in enumerate(self.layers[t].grads):
                total[k] += grad
        self._fill(*total)
        self.dh = dh
        return dxs

    def set_state(self, h):
        self.h = h

    def reset_state(self):
        self.h = None


class TimeGRU(TimeRNN):
    cell = GRU


class TimeLSTM(_Layer):
    def __init__(self, Wx, Wh, b, stateful=False):
        super().__init__(Wx, Wh, b)
        self.layers = None
        self.h = self.c = self.dh = None
        self.stateful = stateful

    def forward(self, xs):
        N, T, _ = xs.shape
        H = self.params[1].shape[0]
        hs = np.empty((N, T, H), "f")
        if not self.stateful or self.h is None:
            self.h = np.zeros((N, H), "f")
        if not self.stateful or self.c is None:
            self.c = np.zeros((N, H), "f")
        self.layers = []
        for t in range(T):
            layer = LSTM(*self.params)
            self.h, self.c = layer.forward(xs[:, t], self.h, self.c)
            hs[:, t] = self.h
            self.layers.append(layer)
        return hs

    def backward(self, dhs):
        N, T, _ = dhs.shape
        dxs = np.empty((N, T, self.params[0].shape[0]), "f")
        dh, dc, total = 0, 0, [0, 0, 0]
        for t in reversed(range(T)):
            dxs[:, t], dh, dc = self.layers[t].backward(dhs[:, t] + dh, dc)
            for k, grad in enumerate(self.layers[t].grads):
                total[k] += grad
        self._fill(*total)
        self.dh = dh
        return dxs

    def set_state(self, h, c=None):
        self.h, self.c = h, c

    def reset_state(self):
        self.h = self.c = None


class TimeBiLSTM:
    def __init__(self, Wx1, Wh1, b1, Wx2, Wh2, b2, stateful=False):
        self.forward_lstm = TimeLSTM(Wx1, Wh1, b1, stateful)
        self.backward_lstm = TimeLSTM(Wx2, Wh2, b2, stateful)
        self.params = self.forward_lstm.params + self.backward_lstm.params
        self.grads = self.forward_lstm.grads + self.backward_lstm.grads

    def forward(self, xs):
        there = self.forward_lstm.forward(xs)
        back = self.backward_lstm.forward(xs[:, ::-1])
        return np.concatenate([there, back[:, ::-1]], axis=2)

    def backward(self, dhs):
        H = dhs.shape[2] // 2
        dxs = self.forward_lstm.backward(dhs[:, :, :H])
        return dxs + self.backward_lstm.backward(dhs[:, ::-1, H:])[:, ::-1]


class TimeEmbedding(_Layer):
    def __init__(self, W):
        super().__init__(W)
        self.layers = None
        self.W = W

    def forward(self, xs):
        N, T = xs.shape
        out = np.empty((N, T, self.W.shape[1]), "f")
        self.layers = []
        for t in range(T):
            layer = Embedding(self.W)
            out[:, t] = layer.forward(xs[:, t])
            self.layers.append(layer)
        return out

    def backward(self, dout):
        total = 0
        for t in range(dout.shape[1]):
            self.layers[t].backward(dout[:, t])
            total += self.layers[t].grads[0]
        self._fill(total)


class TimeAffine(_Layer):
    def __init__(self, W, b):
        super().__init__(W, b)
        self.x = None

    def forward(self, x):
        N, T, D = x.shape
        W, b = self.params
        self.x = x
        return (np.dot(x.reshape(N * T, D), W) + b).reshape(N, T, -1)

    def backward(self, dout):
        N, T, D = self.x.shape
        rows = dout.reshape(N * T, -1)
        self._fill(np.dot(self.x.reshape(N * T, D).T, rows), rows.sum(axis=0))
        return np.dot(rows, self.params[0].T).reshape(N, T, D)


class TimeDropout(_Layer):
    def __init__(self, dropout_ratio=0.5):
        super().__init__()
        self.dropout_ratio = dropout_ratio
        self.mask = None
        self.train_flg = True

    def forward(self, xs):
        if not self.train_flg:
            return xs
        keep = np.random.rand(*xs.shape) > self.dropout_ratio
        self.mask = keep.astype("f") * (1 / (1.0 - self.dropout_ratio))
        return xs * self.mask

    def backward(self, dout):
        return dout * self.mask


class TimeSoftmaxWithLoss(_Layer):
    def __init__(self):
        super().__init__()
        self.cache = None
        self.ignore_label = -1

    def forward(self, xs, ts):
        N, T, V = xs.shape
        if ts.ndim == 3:
            ts = ts.argmax(axis=2)
        mask = (ts != self.ignore_label).reshape(N * T)
        ts = ts.reshape(N * T)
        ys = softmax(xs.reshape(N * T, V))
        losses = -np.log(ys[np.arange(N * T), ts]) * mask
        self.cache = ts, ys, mask, (N, T, V)
        return losses.sum() / mask.sum()

    def backward(self, dout=1):
        ts, dx, mask, shape = self.cache  # works on its own cache: a second call differs
        dx[np.arange(len(ts)), ts] -= 1
        dx *= dout
        dx /= mask.sum()
        dx *= mask[:, None]
        return dx.reshape(shape)


class TimeSmoothedSoftmaxWithLoss(TimeSoftmaxWithLoss):
    def __init__(self, label_smoothing):
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, xs, ts):
        loss = super().forward(xs, ts)
        ts, ys, mask, _ = self.cache
        even = -np.log(ys).mean(axis=1) * mask
        own = -np.log(ys[np.arange(len(ts)), ts]) * mask
        return loss + self.label_smoothing * ((even - own).sum() / mask.sum())

    def backward(self, dout=1):
        ts, dx, _, shape = self.cache
        dx[np.arange(len(ts)), ts] += self.label_smoothing
        dx -= self.label_smoothing / shape[-1]
        return super().backward(dout)


class TimeSigmoidWithLoss(_Layer):
    def __init__(self):
        super().__init__()
        self.xs_shape = self.layers = None

    def forward(self, xs, ts):
        T = xs.shape[1]
        self.xs_shape = xs.shape
        self.layers = [SigmoidWithLoss() for _ in range(T)]
        return sum(self.layers[t].forward(xs[:, t], ts[:, t]) for t in range(T)) / T

    def backward(self, dout=1):
        dxs = np.empty(self.xs_shape, "f")
        for t, layer in enumerate(self.layers):
            dxs[:, t] = layer.backward(dout / len(self.layers))
        return dxs


class Simple_TimeSoftmaxWithLoss(_Layer):
    def __init__(self):
        super().__init__()
        self.cache = None

    def forward(self, xs, ts):
        T = xs.shape[1]
        layers = [SoftmaxWithLoss() for _ in range(T)]
        self.cache = layers, xs
        return sum(layers[t].forward(xs[:, t], ts[:, t]) for t in range(T)) / T

    def backward(self, dout=1):
        layers, xs = self.cache
        dxs = np.empty(xs.shape, "f")
        for t, layer in enumerate(layers):
            dxs[:, t] = layer.backward(dout / len(layers))
        return dxs


class Simple_TimeAffine:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW = self.db = self.layers = None

    def forward(self, xs):
        N, T, _ = xs.shape
        out = np.empty((N, T, self.W.shape[1]), "f")
        self.layers = [Affine(self.W, self.b) for _ in range(T)]
        for t, layer in enumerate(self.layers):
            out[:, t] = layer.forward(xs[:, t])
        return out

    def backward(self, dout):
        N, T, _ = dout.shape
        dxs = np.empty((N, T, self.W.shape[0]), "f")
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)
        for t, layer in enumerate(self.layers):
            dxs[:, t] = layer.backward(dout[:, t])
            self.dW += layer.grads[0]
            self.db += layer.grads[1]
        return dxs


# --- attention ---


class WeightSum(_Layer):
    def __init__(self):
        super().__init__()
        self.cache = None

    def forward(self, hs, a):
        weights = a[:, :, None]
        self.cache = hs, weights
        return (hs * weights).sum(axis=1)

    def backward(self, dc):
        hs, weights = self.cache
        dt = np.repeat(dc[:, None, :], hs.shape[1], axis=1)
        return dt * weights, (dt * hs).sum(axis=2)


class AttentionWeight(_Layer):
    def __init__(self):
        super().__init__()
        self.softmax = Softmax()
        self.cache = None

    def forward(self, hs, h):
        query = h[:, None, :]
        self.cache = hs, query
        return self.softmax.forward((hs * query).sum(axis=2))

    def backward(self, da):
        hs, query = self.cache
        dt = np.repeat(self.softmax.backward(da)[:, :, None], hs.shape[2], axis=2)
        return dt * query, (dt * hs).sum(axis=1)


class Attention(_Layer):
    def __init__(self):
        super().__init__()
        self.attention_weight_layer = AttentionWeight()
        self.weight_sum_layer = WeightSum()
        self.attention_weight = None

    def forward(self, hs, h):
        self.attention_weight = self.attention_weight_layer.forward(hs, h)
        return self.weight_sum_layer.forward(hs, self.attention_weight)

    def backward(self, dout):
        dhs_sum, da = self.weight_sum_layer.backward(dout)
        dhs_weight, dh = self.attention_weight_layer.backward(da)
        return dhs_sum + dhs_weight, dh


class TimeAttention(_Layer):
    def __init__(self):
        super().__init__()
        self.layers = self.attention_weights = None

    def forward(self, hs_enc, hs_dec):
        out = np.empty_like(hs_dec)
        self.layers, self.attention_weights = [], []
        for t in range(hs_dec.shape[1]):
            layer = Attention()
            out[:, t] = layer.forward(hs_enc, hs_dec[:, t])
            self.layers.append(layer)
            self.attention_weights.append(layer.attention_weight)
        return out

    def backward(self, dout):
        dhs_enc, dhs_dec = 0, np.empty_like(dout)
        for t, layer in enumerate(self.layers):
            dhs, dhs_dec[:, t] = layer.backward(dout[:, t])
            dhs_enc += dhs
        return dhs_enc, dhs_dec
