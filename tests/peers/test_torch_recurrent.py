"""Recurrent layers give PyTorch's numbers: packed sequences, states, stacks, projections."""

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fastembed import recurrent_layers, time_layers

N, T, D, H, P = 6, 9, 5, 20, 8
KINDS = [
    ("RNN", {}),
    ("GRU", {}),
    ("LSTM", {}),
    ("LSTM", {"proj_size": P}),
]
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-13}
every_kind = pytest.mark.parametrize(("kind", "options"), KINDS, ids=str)
both = pytest.mark.parametrize("bidirectional", [False, True])
dtypes = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
LENGTHS = [4, 9, 1, 7, 7, 2]
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def gates(kind, array):
    """PyTorch's gates, along the first axis, in our order: its z is 1 - z of ours."""
    if kind == "LSTM":
        i, f, g, o = np.split(array, 4)
        return np.concatenate([f, g, i, o])
    if kind == "GRU":
        r, z, n = np.split(array, 3)
        return np.concatenate([-z, r, n])
    return array


def params_of(module, of=lambda param: param):
    """PyTorch's parameters, or what ``of`` makes of them, as ours."""
    found, kind = [], module.mode.partition("_")[0]
    for k in range(module.num_layers):
        for end in ["", "_reverse"][: 1 + module.bidirectional]:
            names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
            names += ["weight_hr"] * bool(module.proj_size)
            parts = [of(getattr(module, f"{name}_l{k}{end}")).detach().numpy() for name in names]
            Wx, Wh, bx, bh = (gates(kind, part) for part in parts[:4])
            b = bx + bh
            if kind == "GRU":
                last = slice(-len(bx) // 3, None)
                b = np.concatenate([b, bh[last]])
                b[2 * len(bx) // 3 : len(bx)] = bx[last]
            found += [*(np.ascontiguousarray(W.T) for W in (Wx, Wh)), b]
            found += [np.ascontiguousarray(part.T) for part in parts[4:]]
    return found


def pair(kind, options, bidirectional=False, num_layers=2, dtype=torch.float32):
    torch.manual_seed(1)
    module = getattr(torch.nn, kind)(
        D, H, num_layers, batch_first=True, bidirectional=bidirectional, dtype=dtype, **options
    )
    stack = getattr(recurrent_layers, f"Stacked{kind}").from_params(
        params_of(module), bidirectional=bidirectional, stateful=True
    )
    return module, stack


def draws(module, dtype):
    """Xs, the gradient of hs, initial states and gradients of the last ones."""
    directions = 1 + module.bidirectional
    sizes = [module.proj_size or H] + [H] * (module.mode == "LSTM")
    xs = torch.randn(N, T, D, dtype=dtype, requires_grad=True)
    dhs = torch.randn(N, T, directions * sizes[0], dtype=dtype)
    count = module.num_layers * directions
    start = [torch.randn(count, N, s, dtype=dtype, requires_grad=True) for s in sizes]
    last = [torch.randn(count, N, size, dtype=dtype) for size in sizes]
    return xs, dhs, start, last


def run_torch(module, xs, start, lengths):
    state = tuple(start) if len(start) == 2 else start[0]
    if lengths is None:
        hs, state = module(xs, state)
    else:
        packed = pack_padded_sequence(xs, torch.tensor(lengths), True, enforce_sorted=False)
        packed, state = module(packed, state)
        hs, _ = pad_packed_sequence(packed, True, total_length=T)
    return hs, *(state if isinstance(state, tuple) else (state,))


def compare(found, expected, dtype):
    expected = expected.detach().numpy() if torch.is_tensor(expected) else expected
    scale = max(1.0, float(np.abs(expected).max()))
    assert found.shape == expected.shape and found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@every_kind
@both
@dtypes
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "packed"])
def test_a_stack_gives_the_numbers_of_torch(kind, options, bidirectional, dtype, lengths):
    module, stack = pair(kind, options, bidirectional, dtype=dtype)
    xs, dhs, start, last = draws(module, dtype)
    outputs = run_torch(module, xs, start, lengths)
    torch.autograd.backward(outputs, [dhs, *last])
    stack.set_state(*(part.detach().numpy() for part in start))
    compare(stack.forward(xs.detach().numpy(), lengths), outputs[0], dtype)
    dxs = stack.backward(dhs.numpy(), *(part.numpy() for part in last))
    compare(dxs, xs.grad, dtype)
    for k, part in enumerate("hc"[: len(start)]):
        compare(getattr(stack, part), outputs[1 + k], dtype)
        compare(getattr(stack, f"d{part}"), start[k].grad, dtype)
    expected = params_of(module, of=lambda param: param.grad)
    for grad, theirs in zip(stack.grads, expected, strict=True):
        if grad.ndim == 1:  # each of PyTorch's biases that are one for us has its gradient
            theirs[: 2 * H if kind == "GRU" else None] /= 2
        compare(grad, theirs, dtype)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "packed"])
def test_a_single_layer_gives_the_numbers_of_torch(kind, lengths):
    module, _ = pair(kind, {}, num_layers=1)
    options = {"reset_after": True} if kind == "GRU" else {}
    layer = getattr(time_layers, f"Time{kind}")(*params_of(module), stateful=True, **options)
    xs, dhs, start, last = draws(module, torch.float32)
    outputs = run_torch(module, xs, start, lengths)
    torch.autograd.backward(outputs, [dhs, *last])
    layer.set_state(*(part[0].detach().numpy() for part in start))
    compare(layer.forward(xs.detach().numpy(), lengths), outputs[0], torch.float32)
    dxs = layer.backward(dhs.numpy(), *(part[0].numpy() for part in last))
    compare(dxs, xs.grad, torch.float32)
    for k, part in enumerate("hc"[: len(start)]):
        compare(getattr(layer, part), outputs[1 + k][0], torch.float32)
        compare(getattr(layer, f"d{part}"), start[k].grad[0], torch.float32)


def test_both_directions_of_the_book_give_the_numbers_of_torch():
    module, _ = pair("LSTM", {}, bidirectional=True, num_layers=1)
    layer = time_layers.TimeBiLSTM(*params_of(module))
    xs, dhs, start, _ = draws(module, torch.float32)
    hs = run_torch(module, xs, [torch.zeros_like(part) for part in start], LENGTHS)[0]
    hs.backward(dhs)
    compare(layer.forward(xs.detach().numpy(), LENGTHS), hs, torch.float32)
    compare(layer.backward(dhs.numpy()), xs.grad, torch.float32)


def test_a_step_of_a_gru_that_resets_after_the_product():
    torch.manual_seed(1)
    theirs = torch.nn.GRUCell(D, H)
    module = torch.nn.GRU(D, H)
    for name, value in theirs.named_parameters():
        getattr(module, f"{name}_l0").data = value.data
    cell = time_layers.GRU(*params_of(module), reset_after=True)
    x, h = torch.randn(N, D), torch.randn(N, H)
    compare(cell.forward(x.numpy(), h.numpy()), theirs(x, h), torch.float32)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_dropout_between_layers_drops_and_scales_alike(kind):
    """The masks are other ones; a second layer without memory shows them."""
    torch.manual_seed(1)
    np.random.seed(1)
    module = getattr(torch.nn, kind)(D, H, 2, batch_first=True, dropout=0.4)
    for name, param in module.named_parameters():
        if name.endswith("l1"):
            param.data.zero_()
    new = {"RNN": 0, "GRU": 2, "LSTM": 2}[kind] * H  # where the rows of the new values begin
    module.weight_ih_l1.data[new : new + H] = torch.eye(H)
    if kind != "RNN":
        module.bias_ih_l1.data[H : 2 * H] = -100  # nothing of the last step is kept
    stack = getattr(recurrent_layers, f"Stacked{kind}").from_params(params_of(module), dropout=0.4)
    xs = torch.randn(40, T, D)
    stack.train_flg = False
    whole = stack.forward(xs.numpy())
    compare(whole, module.eval()(xs)[0], torch.float32)
    first = stack.layers[0].forward(xs.numpy())
    top = stack.layers[1].forward(first / np.float32(1 - 0.4))
    stack.train_flg = True
    for hs in (module.train()(xs)[0].detach().numpy(), stack.forward(xs.numpy())):
        dropped = np.abs(hs) < 1e-12
        assert abs(dropped.mean() - 0.4) < 0.03
        np.testing.assert_allclose(hs[~dropped], top[~dropped], rtol=0, atol=1e-6)


def test_length_0_is_our_own():
    """PyTorch refuses it; ours has no step, and its state stays what it was."""
    xs = np.zeros((2, 3, D), "f")
    with pytest.raises(RuntimeError, match="greater than 0"):
        pack_padded_sequence(torch.from_numpy(xs), torch.tensor([3, 0]), True, False)
    layer = recurrent_layers.StackedGRU(D, H)
    hs = layer.forward(xs, [3, 0])
    assert not hs[1].any() and not layer.h[0, 1].any()
