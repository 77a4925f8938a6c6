"""Clozelab's models for Hugging Face transformers.

    from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, pipeline
    classify = pipeline("text-classification", model="runs/tickets", trust_remote_code=True)
    classify("The printer jams on page two.")

`AutoModelForSequenceClassification.from_pretrained(directory, trust_remote_code=True)` loads the
complete classifier: `forward` computes the logits of its first network, as in any model, and
`predict(texts)` also evaluates the other networks and the linear classifier listed in
`classifier.json`, which needs the text instead of token ids. The pipeline of a `bert-*` model is the
one of transformers and evaluates the first network only; its `predict` evaluates all parts.

Needs torch, numpy, safetensors and transformers; tested with 4.40 and 4.57.
"""

import json
import math
import os
import re
import shutil
import unicodedata
from collections import Counter

import numpy as np
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file as load_tensors
from torch import nn
from torch.nn import functional as F
from transformers import AutoTokenizer, BertConfig, BertModel, BertPreTrainedModel, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput, SequenceClassifierOutput
from transformers.pipelines import TextClassificationPipeline
from transformers.utils import cached_file

from .configuration_clozelab import (
    ClozelabConfig,
    ClozelabFastConfig,
    ClozelabMeanConfig,
    ClozelabTextCnnConfig,
)

# ---- Backbones -----------------------------------------------------------------------------------


class Embeddings(nn.Module):
    """Sums word embeddings and, for models of pairs, token type embeddings: `[B, T, D]`."""

    def __init__(self, config):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        if config.type_vocab_size > 1:
            self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)

    def forward(self, input_ids, token_type_ids):
        x = self.word_embeddings(input_ids)
        if not hasattr(self, "token_type_embeddings"):
            return x
        return x + self.token_type_embeddings(torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids)


class Convolution(nn.Module):
    """Adds a depth-wise convolution over three positions. Padding counts as zeros."""

    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(config.hidden_size, 3))
        nn.init.normal_(self.weight, std=0.3)

    def forward(self, x, keep):
        seen = (x * keep.unsqueeze(-1)).transpose(1, 2)  # [B, D, T]
        return x + F.conv1d(seen, self.weight.unsqueeze(1), padding=1, groups=seen.shape[1]).transpose(1, 2)


class Attention(nn.Module):
    """Self-attention with rotary positions (Su et al. 2021, eq. 34) over pairs (i, i + K/2)."""

    def __init__(self, config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.dropout = config.attention_probs_dropout_prob
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=False)
        self.output = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def forward(self, x, keep):
        b, t, width = x.shape
        k = width // self.heads
        # [B, H, T, K] each
        q, key, value = self.qkv(self.norm(x)).view(b, t, 3, self.heads, k).permute(2, 0, 3, 1, 4)
        scores = rotated(q) @ rotated(key).transpose(2, 3) / math.sqrt(k)
        scores = scores + (keep[:, None, None, :] - 1.0) * 1e9
        probabilities = scores.softmax(-1)
        dropped = F.dropout(probabilities, self.dropout, self.training)
        return self.output((dropped @ value).transpose(1, 2).reshape(b, t, width)), probabilities


def rotated(x):
    """Rotates the pairs (i, i + K/2) of `x` `[B, H, T, K]` by the angles of their positions."""
    t, k = x.shape[2], x.shape[3]
    frequencies = 10_000.0 ** (-2.0 * torch.arange(k // 2, dtype=torch.float64) / k)
    angles = torch.arange(t, dtype=torch.float64)[:, None] * frequencies  # [T, K / 2]
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    a, b = x[..., : k // 2], x[..., k // 2 :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.up = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x):
        return self.down(F.gelu(self.up(self.norm(x))))


class FastBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.conv = Convolution(config)
        self.attention = Attention(config)
        self.mlp = FeedForward(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x, keep):
        x = self.conv(x, keep)
        context, probabilities = self.attention(x, keep)
        x = x + self.dropout(context)
        return x + self.dropout(self.mlp(x)), probabilities


class FastBackbone(nn.Module):
    """Pre-norm Transformer with rotary positions and `[max; mean]` pooling."""

    def __init__(self, config):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(FastBlock(config) for _ in range(config.num_hidden_layers))
        self.final_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.features = config.hidden_size
        self.pooled = 2 * config.hidden_size

    def forward(self, input_ids, keep, token_type_ids):
        states, attentions = [self.embeddings(input_ids, token_type_ids)], []
        for layer in self.layers:
            x, probabilities = layer(states[-1], keep)
            states.append(x)
            attentions.append(probabilities)
        states[-1] = self.final_norm(states[-1])
        return states, attentions

    def pool(self, hidden, keep):
        return torch.cat([maximum(hidden, keep), mean(hidden, keep)], -1)


class TextCnnLayer(nn.Module):
    """Parallel convolutions; each reads the embeddings or, in later layers, its own features."""

    def __init__(self, config, is_first):
        super().__init__()
        self.sizes, self.filters, self.is_first = config.filter_sizes, config.num_filters, is_first
        inputs = config.hidden_size if is_first else config.num_filters
        for size in self.sizes:
            self.add_module(f"conv_{size}", nn.Linear(size * inputs, config.num_filters, bias=False))
        self.norm = nn.LayerNorm(len(self.sizes) * config.num_filters, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x, keep):
        x = x * keep.unsqueeze(-1)
        features = []
        for branch, size in enumerate(self.sizes):
            own = x if self.is_first else x[..., branch * self.filters : (branch + 1) * self.filters]
            # TensorFlow's SAME padding: an even filter covers one more position on the right.
            left = (size - 1) // 2
            padded = F.pad(own, (0, 0, left, size - 1 - left))
            shifted = [padded[:, tap : tap + x.shape[1]] for tap in range(size)]
            features.append(getattr(self, f"conv_{size}")(torch.cat(shifted, -1)))
        return self.dropout(F.gelu(self.norm(torch.cat(features, -1))))


class TextCnnBackbone(nn.Module):
    """Parallel convolutions that preserve the sequence length, with maximum pooling."""

    def __init__(self, config):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(TextCnnLayer(config, i == 0) for i in range(config.num_hidden_layers))
        self.features = self.pooled = len(config.filter_sizes) * config.num_filters

    def forward(self, input_ids, keep, token_type_ids):
        states = [self.embeddings(input_ids, token_type_ids)]
        for layer in self.layers:
            states.append(layer(states[-1], keep))
        return states, []

    def pool(self, hidden, keep):
        return maximum(hidden, keep)


class MeanBackbone(nn.Module):
    """Each position has its own embedding and the mean of all; pooling returns that mean."""

    def __init__(self, config):
        super().__init__()
        self.embeddings = Embeddings(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.features, self.pooled = 2 * config.hidden_size, config.hidden_size

    def forward(self, input_ids, keep, token_type_ids):
        x = self.embeddings(input_ids, token_type_ids)
        return [x, torch.cat([x, mean(x, keep).unsqueeze(1).expand_as(x)], -1)], []

    def pool(self, hidden, keep):
        return self.dropout(hidden[:, 0, self.pooled :])


def mean(hidden, keep):
    """Returns the mean over non-padding tokens, `[B, F]`."""
    return (hidden * keep.unsqueeze(-1)).sum(1) / keep.sum(1, keepdim=True).clamp(min=1.0)


def maximum(hidden, keep):
    """Returns the maximum over non-padding tokens, `[B, F]`."""
    return (hidden + (keep.unsqueeze(-1) - 1.0) * 1e4).amax(1)


# ---- Models --------------------------------------------------------------------------------------

BACKBONES = {
    "clozelab-fast": FastBackbone,
    "clozelab-textcnn": TextCnnBackbone,
    "clozelab-mean": MeanBackbone,
}


class ClozelabPreTrainedModel(PreTrainedModel):
    config_class = ClozelabConfig
    base_model_prefix = "clozelab"

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(std=self.config.initializer_range)
        if isinstance(module, nn.Linear) and module.bias is not None:
            module.bias.data.zero_()

    def get_input_embeddings(self):
        return self.clozelab.embeddings.word_embeddings

    def set_input_embeddings(self, embeddings):
        self.clozelab.embeddings.word_embeddings = embeddings

    def encode(self, input_ids, attention_mask, token_type_ids):
        """Returns the hidden states `[B, T, F]` before the first and after each block, the
        attention probabilities, and the attention mask."""
        keep = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        keep = keep.to(self.get_input_embeddings().weight.dtype)
        states, attentions = self.clozelab(input_ids, keep, token_type_ids)
        return states, attentions, keep


class ClozelabModel(ClozelabPreTrainedModel):
    """The encoder without a head."""

    def __init__(self, config):
        super().__init__(config)
        self.clozelab = BACKBONES[config.model_type](config)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, **_):
        states, attentions, _ = self.encode(input_ids, attention_mask, token_type_ids)
        return BaseModelOutput(states[-1], tuple(states), tuple(attentions) or None)


class Predictions(nn.Module):
    """Computes logits over the vocabulary: BERT's transform, if any, then the embedding table."""

    def __init__(self, config, features):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        if config.model_type != "clozelab-fast":
            self.transform = nn.ModuleDict(
                {
                    "dense": nn.Linear(features, config.hidden_size),
                    "LayerNorm": nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
                }
            )

    def forward(self, hidden, table):
        if hasattr(self, "transform"):
            hidden = self.transform["LayerNorm"](F.gelu(self.transform["dense"](hidden)))
        return F.linear(hidden, table, self.bias)


class ClozelabForMaskedLM(ClozelabPreTrainedModel):
    """Masked LM. A next-sentence head is ignored."""

    _keys_to_ignore_on_load_unexpected = [r"cls\.seq_relationship\."]

    def __init__(self, config):
        super().__init__(config)
        self.clozelab = BACKBONES[config.model_type](config)
        self.cls = nn.ModuleDict({"predictions": Predictions(config, self.clozelab.features)})
        self.post_init()

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, labels=None, **_):
        states, attentions, _ = self.encode(input_ids, attention_mask, token_type_ids)
        logits = self.cls["predictions"](states[-1], self.get_input_embeddings().weight)
        loss = None if labels is None else F.cross_entropy(logits.transpose(1, 2), labels)
        return MaskedLMOutput(loss, logits, tuple(states), tuple(attentions) or None)


class WholeClassifier:
    """Mixin that loads, saves and evaluates all parts of a classifier."""

    # Set by `from_pretrained` after the weights of the first network are loaded as for any model.
    parts = None

    @classmethod
    def from_pretrained(cls, path, *arguments, **settings):
        loaded = super().from_pretrained(path, *arguments, **settings)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        source = ("cache_dir", "force_download", "local_files_only", "revision", "subfolder", "token")
        model.parts = Parts.of(path, model, {key: settings[key] for key in source if settings.get(key) is not None})
        return loaded

    def save_pretrained(self, directory, *arguments, **settings):
        super().save_pretrained(directory, *arguments, **settings)
        # transformers copies the code for some kinds of models only.
        code = os.path.dirname(os.path.abspath(__file__))
        files = {name: os.path.join(code, name) for name in ("configuration_clozelab.py", "modeling_clozelab.py")}
        for name, path in {**files, **(self.parts.files if self.parts else {})}.items():
            target = os.path.join(directory, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.abspath(path) != os.path.abspath(target):
                shutil.copyfile(path, target)

    def fused_logits(self, texts, tokenizer=None):
        """Returns the logits of the complete classifier, `[N, C]`; their sigmoid or softmax is the
        calibrated probability. A text is a string, or a pair of strings."""
        parts = self.parts
        if parts is None:
            raise ValueError("this model was not loaded with from_pretrained, so the other parts of it are not known")
        if isinstance(texts, str):
            raise TypeError("texts has to be a list of texts, not one text")
        if not texts:
            return torch.zeros(0, self.config.num_labels, dtype=torch.float64)
        was_training = self.training
        self.eval()
        pairs = [(text, None) if isinstance(text, str) else tuple(text) for text in texts]
        pairs = [tuple(text if text is None else cleaned(text) for text in pair) for pair in pairs]
        if tokenizer is None:
            try:
                tokenizer = AutoTokenizer.from_pretrained(self.config._name_or_path)
            except (OSError, ValueError) as error:
                where = self.config._name_or_path
                raise ValueError(f"there is no tokenizer in {where}: save it there, or give tokenizer=") from error
        documents = [[token_ids(tokenizer, text) for text in pair if text is not None] for pair in pairs]
        batch = self.padded(documents, tokenizer)
        with torch.no_grad():
            networks = [self, *(network.to(self.device, self.dtype).eval() for network in parts.networks)]
            logits = [network(**batch).logits for network in networks]
        self.train(was_training)
        if parts.linear is not None:
            margins = [parts.linear.margins(pair, ids) for pair, ids in zip(pairs, documents)]
            logits.append(torch.tensor(np.stack(margins)))
        return parts.fused([part.double().cpu() for part in logits])

    def predict(self, texts, tokenizer=None):
        """Returns the labels of each text with their probabilities, in descending order, as
        `clozelab predict` does."""
        logits = self.fused_logits(texts, tokenizer)
        is_multi = self.config.problem_type == "multi_label_classification"
        probabilities = (logits.sigmoid() if is_multi else logits.softmax(-1)).numpy()
        predictions = []
        for row, text in zip(probabilities, texts):
            if not "".join([text] if isinstance(text, str) else text).strip():
                predictions.append([])
                continue
            ranked = sorted(range(len(row)), key=lambda label: -row[label])
            chosen = [i for n, i in enumerate(ranked) if n == 0 or (is_multi and row[i] >= self.parts.threshold(i))]
            predictions.append([(self.config.id2label[i], float(row[i])) for i in chosen])
        return predictions

    def padded(self, documents, tokenizer):
        """Returns a batch of `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, truncated to the length
        used in training."""
        length = getattr(self.config, "clozelab_trained_len", None) or min(self.config.max_position_embeddings, 512)
        rows = [assembled(texts, tokenizer, length) for texts in documents]
        width = max(len(ids) for ids, _ in rows)
        ids = torch.full((len(rows), width), tokenizer.pad_token_id)
        segments, mask = torch.zeros_like(ids), torch.zeros_like(ids)
        for row, (tokens, second) in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            segments[row, second : len(tokens)] = 1
            mask[row, : len(tokens)] = 1
        batch = {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


def token_ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]


def assembled(texts, tokenizer, length):
    """Returns the token ids of one or two texts, and the offset of the second text. The longer one
    is truncated first; the second, if both are equally long."""
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    first, second = texts[0], texts[1] if len(texts) > 1 else []
    room = max(length - 1 - len(texts), 0)
    if len(first) + len(second) > room:
        kept = min(len(second), max(room // 2, room - len(first)))
        first, second = first[: room - kept], second[:kept]
    ids = [cls, *first, sep]
    begin = len(ids)
    if len(texts) > 1:
        ids += [*second, sep]
    return ids[:length], begin


class ClozelabForSequenceClassification(WholeClassifier, ClozelabPreTrainedModel):
    """Classifier. `forward` evaluates the first network, `predict` and `fused_logits` all parts."""

    def __init__(self, config):
        super().__init__(config)
        self.clozelab = BACKBONES[config.model_type](config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = nn.Linear(self.clozelab.pooled, config.num_labels)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, labels=None, **_):
        states, attentions, keep = self.encode(input_ids, attention_mask, token_type_ids)
        logits = self.classifier(self.dropout(self.clozelab.pool(states[-1], keep)))
        return classified(self.config, logits, labels, states, attentions)


class ClozelabFastModel(ClozelabModel):
    config_class = ClozelabFastConfig


class ClozelabFastForMaskedLM(ClozelabForMaskedLM):
    config_class = ClozelabFastConfig


class ClozelabFastForSequenceClassification(ClozelabForSequenceClassification):
    config_class = ClozelabFastConfig


class ClozelabTextCnnModel(ClozelabModel):
    config_class = ClozelabTextCnnConfig


class ClozelabTextCnnForMaskedLM(ClozelabForMaskedLM):
    config_class = ClozelabTextCnnConfig


class ClozelabTextCnnForSequenceClassification(ClozelabForSequenceClassification):
    config_class = ClozelabTextCnnConfig


class ClozelabMeanModel(ClozelabModel):
    config_class = ClozelabMeanConfig


class ClozelabMeanForMaskedLM(ClozelabForMaskedLM):
    config_class = ClozelabMeanConfig


class ClozelabMeanForSequenceClassification(ClozelabForSequenceClassification):
    config_class = ClozelabMeanConfig


class ClozelabBertForSequenceClassification(WholeClassifier, BertPreTrainedModel):
    """A `bert-*` classifier with all its parts. Without remote code, transformers loads its first
    network as BertForSequenceClassification."""

    config_class = BertConfig

    def __init__(self, config):
        super().__init__(config)
        self.pooling = getattr(config, "clozelab_pooling", None) or "cls"
        self.bert = BertModel(config, add_pooling_layer=self.pooling == "cls")
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        width = 2 * config.hidden_size if self.pooling == "max-mean" else config.hidden_size
        self.classifier = nn.Linear(width, config.num_labels)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, labels=None, **_):
        keep = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        output = self.bert(input_ids, attention_mask=keep, token_type_ids=token_type_ids, output_hidden_states=True)
        hidden, keep = output.last_hidden_state, keep.to(output.last_hidden_state.dtype)
        pooled = {
            "cls": lambda: output.pooler_output,
            "first-token": lambda: hidden[:, 0],
            "mean": lambda: mean(hidden, keep),
            "max-mean": lambda: torch.cat([maximum(hidden, keep), mean(hidden, keep)], -1),
        }[self.pooling]()
        return classified(self.config, self.classifier(self.dropout(pooled)), labels, output.hidden_states, ())


def classified(config, logits, labels, states, attentions):
    loss = None
    if labels is not None and config.problem_type == "multi_label_classification":
        loss = F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
    elif labels is not None:
        loss = F.cross_entropy(logits, labels)
    return SequenceClassifierOutput(loss, logits, tuple(states), tuple(attentions) or None)


class ClozelabTextClassification(TextClassificationPipeline):
    """`pipeline("text-classification")` with all parts of the classifier."""

    def preprocess(self, inputs, **_):
        # A dictionary is a pair with keys `text` and `text_pair`; a string is a single text.
        pair = (inputs["text"], inputs.get("text_pair")) if isinstance(inputs, dict) else (inputs, None)
        return {"text": pair[0], "text_pair": pair[1]}

    def _forward(self, inputs):
        texts, seconds = inputs["text"], inputs["text_pair"]
        texts, seconds = ([texts], [seconds]) if isinstance(texts, str) else (texts, seconds)
        pairs = [text if second is None else (text, second) for text, second in zip(texts, seconds)]
        return SequenceClassifierOutput(logits=self.model.fused_logits(pairs, self.tokenizer).float())


# ---- The other parts of a classifier -------------------------------------------------------------


class Parts:
    """The content of `classifier.json`: other networks, a linear classifier, and fusion weights."""

    def __init__(self, header, networks, linear, files):
        # `files` maps the name of each file to its path.
        self.header, self.networks, self.linear, self.files = header, networks, linear, files

    @classmethod
    def of(cls, path, model, source):
        """Loads the parts from a directory or the hub. Without `classifier.json`, the classifier is
        a single network."""
        files = {}

        def file(name):
            found = cached_file(path, name, _raise_exceptions_for_missing_entries=False, **source)
            if found is not None:
                files[name] = found
            return found

        found = file("classifier.json")
        if found is None:
            alone = {"weights": [1.0], "bias": 0.0}
            alone["threshold"] = getattr(model.config, "threshold", None)
            return cls(alone, [], None, files)
        with open(found, encoding="utf-8") as text:
            header = json.load(text)
        networks = []
        for number in range(2, header["networks"] + 1):
            network = type(model)(model.config)
            network.load_state_dict(load_tensors(file(f"parts/network-{number}.safetensors")))
            networks.append(network)
        linear = header.get("linear")
        linear = linear and Linear(linear, load_arrays(file("parts/linear.safetensors")))
        return cls(header, networks, linear, files)

    def fused(self, logits):
        """Returns the weighted sum of the parts' logits, `[N, C]`."""
        total = sum(weight * part for weight, part in zip(self.header["weights"], logits)) + self.header["bias"]
        label_bias = self.header.get("label_bias")
        return total + torch.tensor(label_bias, dtype=total.dtype) if label_bias else total

    def threshold(self, label):
        """Returns the decision threshold of a label."""
        scales = self.header.get("threshold_scales")
        threshold = self.header.get("threshold")
        return (0.5 if threshold is None else threshold) * (scales[label] if scales else 1.0)


class Linear:
    """Linear classifier on TF-IDF of word and character n-grams and on word vectors, each
    normalised to length 1."""

    def __init__(self, header, arrays):
        self.header, self.arrays = header, arrays
        self.words = {int(gram): index for index, gram in enumerate(arrays["words.hash"])}
        self.characters = {int(gram): index for index, gram in enumerate(arrays.get("characters.hash", []))}

    def margins(self, texts, ids):
        """Returns the margin of each label, `[C]`, for one or two texts and their token ids."""
        texts = [text for text in texts if text is not None]
        row = [weighed(word_grams(texts, self.header["longest"]), self.words, self.arrays["words.idf"], 0)]
        offset = len(self.words)
        if self.characters:
            row.append(weighed(character_grams(texts), self.characters, self.arrays["characters.idf"], offset))
            offset += len(self.characters)
        width = self.header["dense"]
        if width:
            table = self.arrays["vectors"].reshape(-1, width)
            sums = table[[token for text in ids for token in text]].sum(0, dtype=np.float32)
            row.append((np.arange(offset, offset + width), scaled(sums)))
        features = np.concatenate([features for features, _ in row])
        values = np.concatenate([values for _, values in row])
        if self.header["member"] == "naive-bayes" and len(values):
            values = np.full_like(values, 1.0 / math.sqrt(len(values)))
        margins = self.arrays["bias"].astype(np.float32).copy()
        starts, labels, weights = (self.arrays[f"weights.{name}"] for name in ("starts", "labels", "values"))
        for feature, value in zip(features, values):
            entries = slice(int(starts[feature]), int(starts[feature + 1]))
            margins[labels[entries]] += value * weights[entries]
        return margins


def weighed(grams, known, idf, offset):
    """Returns features and values `(1 + ln count) idf` of known n-grams, normalised to length 1."""
    counts = Counter(known[gram] for gram in grams if gram in known)
    features = np.array(sorted(counts), dtype=np.int64)
    counted = np.array([counts[feature] for feature in features], dtype=np.float32)
    return features + offset, scaled((1.0 + np.log(counted)) * idf[features]).astype(np.float32)


def scaled(values):
    length = np.sqrt((values * values).sum())
    return values / length if length > 0 else values


FNV_OFFSET, FNV_PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF
# Unicode white space. Python's `split` also splits at the separators U+001C to U+001F.
WHITE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
# Scripts without spaces, of which each letter is a word.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Circled and squared letters, which have Unicode's property Alphabetic but no letter category.
CIRCLED = re.compile("[\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189]")


def fnv(value, data):
    """Updates a 64-bit FNV-1a hash."""
    for byte in data:
        value = (value ^ byte) * FNV_PRIME & MASK
    return value


def cleaned(text):
    """Replaces control characters by spaces and removes byte order marks, as in training."""
    return CONTROL.sub(" ", text.replace("\ufeff", ""))


def is_word_char(character):
    return unicodedata.category(character)[0] in "LMN" or CIRCLED.match(character) is not None


def words_of(text):
    """Splits into lower-case words, letters of scripts without spaces, and other characters."""
    words, word = [], ""
    for character in text.lower():
        if is_word_char(character) and not UNSPACED.match(character):
            word += character
            continue
        if word:
            words.append(word)
            word = ""
        if not WHITE.match(character):
            words.append(character)
    return words + [word] if word else words


def word_grams(texts, longest):
    """Yields the hashes of n-grams of one to `longest` words, separately for texts of a pair."""
    for part, text in enumerate(texts):
        words = [b" " + word.encode() for word in words_of(text)]
        for begin in range(len(words)):
            value = fnv(FNV_OFFSET, (ord("w"), part))
            for word in words[begin : begin + longest]:
                value = fnv(value, word)
                yield value


def character_grams(texts, shortest=2, longest=5):
    """Yields the hashes of all character n-grams within words padded by blanks."""
    for part, text in enumerate(texts):
        for word in WHITE.split(text.lower()):
            if not word:
                continue
            characters = [character.encode() for character in f" {word} "]
            for begin in range(len(characters)):
                value = fnv(FNV_OFFSET, (ord("c"), part))
                for length, character in enumerate(characters[begin : begin + longest], 1):
                    value = fnv(value, character)
                    if length >= shortest:
                        yield value
