"""The folder of variants: small modules, each with one trick, do the same with and without us.

They run in child processes: as they are, accelerated without looking at real calls again (so that
reading and probing alone must do), and accelerated as a user has it.
"""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import source

HERE = Path(__file__).parent
VARIANTS = sorted(
    path.stem
    for path in (HERE / "variants").glob("*.py")
    if path.stem not in ("common", "settings", "textbook")
)
ACCELERATED = [  # must not be declined for what they are
    "attention_parts_read call_calls_forward call_is_forward call_is_forward_rnn",
    "copy_between caches_of_steps defaults_changed dropout_off_default",
    "dropout_ratio_changes extra_attribute extra_loss float64_gradients gru_without_bias",
    "inner_layers_read label_argument label_setting list_corpora other_name_exact",
    "pickle_between rebound_x signature stateful_default bidirectional clip_nan threads",
    "time_embedding_w uninstall_between deepcopy_attention forward_only float64_everywhere",
    "momentum_rebinds inner_gradients_read mask_deleted",
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What each mode showed: mode -> variant -> what."""
    folder = tmp_path_factory.mktemp("variants")
    book = "\n".join([source("layers"), source("training"), source("util")])
    (folder / "book.py").write_text(book)
    found = {}
    for mode in ("plain", "accelerated", "compared"):
        results = folder / f"results-{mode}"
        command = [sys.executable, HERE / "run_variants.py", mode, results, folder, *VARIANTS]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        found[mode] = pickle.loads(results.read_bytes())
    return found


def test_there_are_enough():
    assert len(VARIANTS) >= 120
    for name in VARIANTS:
        text = (HERE / "variants" / f"{name}.py").read_text()
        assert text.startswith('"""') and text.split("\n")[0].endswith('."""'), name


@pytest.mark.parametrize("mode", ["accelerated", "compared"])
@pytest.mark.parametrize("name", VARIANTS)
def test_contract_variant_shows_the_same(seen, name, mode):
    plain, fast = seen["plain"][name], seen[mode][name]
    assert plain["error"] is None
    for what, expected in plain.items():
        reason = unlike(expected, fast[what])
        assert reason is None, f"{what}: {reason}\n{fast['report']}"


@pytest.mark.parametrize("name", " ".join(ACCELERATED).split())
def test_variant_is_accelerated(seen, name):
    assert seen["accelerated"][name]["calls"], seen["accelerated"][name]["report"]


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("control")])
def test_control_is_accelerated(seen, name):
    for mode in ("accelerated", "compared"):
        assert seen[mode][name]["calls"] >= 3, seen[mode][name]["report"]
        assert "fell back" not in seen[mode][name]["report"]
        assert f"left alone: {name}." not in seen[mode][name]["report"]


def unlike(a, b):
    """How two observations differ beyond rounding, in words; None if they do not."""
    if type(a) is not type(b):
        return f"{type(a).__name__}, now {type(b).__name__}"
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return f"{len(a)} parts, now {len(b)}"
        return next(filter(None, map(unlike, a, b)), None)
    if isinstance(a, np.ndarray):
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return f"{a.dtype} {a.shape}, now {b.dtype} {b.shape}"
        scale = np.abs(a[np.isfinite(a)]).max(initial=0) if a.dtype.kind in "fiu" else 0
        if not np.allclose(a, b, rtol=0, atol=1e-5 * scale, equal_nan=True):
            return f"{a}, now {b}"
        return None
    if isinstance(a, (float, np.floating)):
        same = np.allclose(a, b, rtol=1e-5, atol=0, equal_nan=True)
        return None if same else f"{a}, now {b}"
    return None if a == b else f"{a!r}, now {b!r}"
