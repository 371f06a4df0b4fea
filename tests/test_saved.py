"""One file is a model: its class, sizes, tokenizer and parameters; the class's load makes it."""

import copy
import json
import pickle

import numpy as np
import pytest

import fastembed
from fastembed import base_model, models
from fastembed._files import tensors
from fastembed.text import WordTokenizer

CORPUS = np.array([0, 1, 2, 3, 4, 5, 6, 1, 2, 2])
MADE = {
    "SimpleRnnlm": (7, 4, 5),
    "Rnnlm": (7, 4, 5),
    "RnnlmGen": (7, 4, 5),
    "BetterRnnlm": (7, 5, 5, 0.25),
    "BetterRnnlmGen": (7, 5, 5),
    "SimpleCBOW": (7, 4),
    "SimpleSkipGram": (7, 4),
    "CBOW": (7, 4, 2, CORPUS),
    "SkipGram": (7, 4, 2, CORPUS),
    "Encoder": (7, 4, 5),
    "AttentionEncoder": (7, 4, 5),
    "Decoder": (7, 4, 5),
    "PeekyDecoder": (7, 4, 5),
    "AttentionDecoder": (7, 4, 5),
    "Seq2seq": (7, 4, 5),
    "PeekySeq2seq": (7, 4, 5),
    "AttentionSeq2seq": (7, 4, 5),
}


def made(name):
    np.random.seed(3)
    return getattr(models, name)(*MADE[name])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def same(model, other):
    assert type(model) is type(other)
    for a, b in zip(model.params, other.params, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def test_the_table_has_every_model():
    assert sorted(MADE) == models.__all__


@pytest.mark.parametrize("name", MADE)
def test_a_file_makes_its_model_anew(name, path):
    model = made(name)
    model.save(path, {"note": "mine"})
    before = np.random.get_state()[1].copy()
    for load in (fastembed.load, models.BaseModel.load, getattr(models, name).load):
        same(load(path), model)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # nothing is drawn
    assert model.load(path) == {"note": "mine"}
    same(fastembed.load(path.parent), model)


def test_what_is_made_anew_trains_on_as_the_model_itself(path):
    for name in ("BetterRnnlm", "CBOW"):
        model = made(name)
        model.save(path)
        other = fastembed.load(path)
        x, t = (
            (CORPUS[:8].reshape(2, 4),) * 2
            if name != "CBOW"
            else (CORPUS[:8].reshape(2, 4), CORPUS[:2])
        )
        losses = []
        for one in (model, other):
            np.random.seed(5)
            losses.append(one.forward(x, t))
            one.backward()
        assert losses[0] == losses[1]
        for a, b in zip(model.grads, other.grads, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["CBOW", "SkipGram"])
def test_row_sparse_word_vectors_draw_by_the_frequencies_of_the_file(name, path):
    model = getattr(models, name)(*MADE[name], sparse=True)
    model.save(path)
    losses = []
    for one in (model, fastembed.load(path)):
        np.random.seed(5)
        losses.append(one.forward(CORPUS[:8].reshape(2, 4), CORPUS[:2]))
    assert losses[0] == losses[1]


def test_tied_weights_are_saved_once(path):
    model = made("BetterRnnlm")
    last = len(model.params) - 2
    model.save(path)
    found, metadata = tensors.read(path)
    assert f"param{last}" not in found and len(found) == len(model.params) - 1
    params = fastembed.load(path).params
    assert np.shares_memory(params[0], params[-2])
    for a, b in zip(params, model.params, strict=True):
        np.testing.assert_array_equal(a, b)
    made("SimpleCBOW").save(path)  # whose first two are one array
    assert tensors.read(path)[0].keys() == {"param0", "param2"}
    # and twice in files of earlier versions
    whole = {f"param{k}": param for k, param in enumerate(model.params)}
    old = {key: value for key, value in metadata.items() if key != "fastembed.tied"}
    tensors.write(path, whole, old)
    np.testing.assert_array_equal(fastembed.load(path).params[-2], model.params[-2])
    for tied in ("[]", "7", '{"7": 0}', f'{{"{last}": [{last}, true]}}', "{}", "null"):
        tensors.write(path, found, {**metadata, "fastembed.tied": tied})
        with pytest.raises(ValueError, match="is damaged|parameters, the model has"):
            fastembed.load(path)


def test_the_tokenizer_goes_with_the_model(path):
    model = models.Rnnlm(5, 3, 3)
    model.tokenizer = WordTokenizer([" a", " b", " c"])
    model.save(path)
    loaded = fastembed.load(path)
    assert loaded.tokenizer.tokens == model.tokenizer.tokens
    other = models.Rnnlm(5, 3, 3)
    assert other.tokenizer is None and other.load(path) == {}
    assert other.tokenizer.encode("b a").tolist() == [3, 2]


def test_a_class_may_load_what_another_saved_if_it_fits(path):
    made("Rnnlm").save(path)
    assert type(models.RnnlmGen.load(path)) is models.RnnlmGen
    with pytest.raises(ValueError, match="does not make a Seq2seq|parameters, the model has"):
        models.Seq2seq.load(path)
    with pytest.raises(ValueError, match="does not make a CBOW"):
        models.CBOW.load(path)


class Mine(models.Rnnlm):
    def __init__(self, size, words=None):
        super().__init__(size, 4, 4)
        self.words = words


class Plain(models.BaseModel):
    def __init__(self, layer):
        self.params = [layer]


def test_models_of_a_user_are_made_by_their_own_class(path):
    model = Mine(7, words=("a", "b"))
    model.save(path)
    other = Mine.load(path)
    same(other, model)
    assert other.words == ["a", "b"]
    with pytest.raises(ValueError, match="'Mine', not one of fastembed.models: make it, or use"):
        fastembed.load(path)
    Plain(np.ones(3)).save(path)  # with an argument that JSON has not
    with pytest.raises(ValueError, match="does not make a Plain: .*layer"):
        Plain.load(path)
    plain = Plain(np.zeros(3))
    plain.load(path)
    assert plain.params[0].sum() == 3


def test_arguments_survive_copies_and_numpys_numbers(path):
    model = models.Rnnlm(np.int64(7), wordvec_size=np.int32(4), hidden_size=5)
    for one in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        one.save(path)
        same(fastembed.load(path), model)
    with pytest.raises(TypeError, match="vocab"):
        models.Rnnlm(vocab=7)


def test_a_file_without_a_model_is_filled_from_alone(path):
    model = made("Rnnlm")
    arrays = {f"param{k}": param for k, param in enumerate(model.params)}
    tensors.write(path, arrays, {})
    other = models.Rnnlm(*MADE["Rnnlm"])
    other.load(path)
    same(other, model)
    for load in (fastembed.load, models.Rnnlm.load):
        with pytest.raises(ValueError, match="says nothing of how its model is made"):
            load(path)
    for account in ('{"class": "Rnnlm", "arguments": [7]}', '{"class": 7, "arguments": {}}', "[]"):
        tensors.write(path, arrays, {base_model.MODEL: account})
        with pytest.raises(ValueError, match="is damaged"):
            other.load(path)


def test_keys_of_the_format_are_refused_as_metadata(path):
    for key in (base_model.MODEL, base_model.TOKENIZER, base_model.TRAINING, "fastembed"):
        with pytest.raises(ValueError, match="is the file's own"):
            made("Rnnlm").save(path, {key: "x"})
    assert not path.exists()


def test_a_folder_must_have_one_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="no .safetensors file"):
        fastembed.load(tmp_path)
    for name in ("a", "b"):
        made("Rnnlm").save(tmp_path / f"{name}.safetensors")
    with pytest.raises(FileNotFoundError, match="a.safetensors, b.safetensors"):
        fastembed.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="No file"):
        fastembed.load(tmp_path / "missing")


def test_other_programs_find_class_and_sizes_in_the_metadata(path):
    from safetensors import safe_open

    made("Rnnlm").save(path)
    with safe_open(path, "numpy") as file:
        found = json.loads(file.metadata()["fastembed.model"])
    sizes = {"vocab_size": 7, "wordvec_size": 4, "hidden_size": 5, "sparse": False}
    assert found == {"class": "Rnnlm", "arguments": sizes}
