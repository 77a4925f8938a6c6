"""Repeats the first steps of a Clozelab run in JAX on the CPU: BERT as published, without dropout, and
AdamW. Reads a folder that `clozelab bench --export` wrote; prints losses and times as JSON."""

import time

BEGIN = time.perf_counter()

import json
import math
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file


def layer_norm(p, name, x, eps):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + eps) * p[name + ".weight"] + p[name + ".bias"]


def linear(p, name, x):
    return x @ p[name + ".weight"].T + p[name + ".bias"]


def gelu(x):
    return jax.nn.gelu(x, approximate=False)


def encode(p, config, ids, attention_mask):
    """Hidden states `[B, T, D]` of ids `[B, T]`."""
    b, t = ids.shape
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]
    width = config["hidden_size"] // heads
    words, positions, segments = (
        p[f"bert.embeddings.{part}_embeddings.weight"] for part in ("word", "position", "token_type")
    )
    x = layer_norm(p, "bert.embeddings.LayerNorm", words[ids] + positions[:t] + segments[0], eps)
    bias = jnp.where(attention_mask[:, None, None, :] > 0, 0.0, -1e9)
    for layer in range(config["num_hidden_layers"]):
        name = f"bert.encoder.layer.{layer}."
        q, k, v = (
            linear(p, name + f"attention.self.{part}", x).reshape(b, t, heads, width)
            for part in ("query", "key", "value")
        )
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(width) + bias
        context = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v).reshape(b, t, -1)
        context = linear(p, name + "attention.output.dense", context)
        x = layer_norm(p, name + "attention.output.LayerNorm", x + context, eps)
        inner = gelu(linear(p, name + "intermediate.dense", x))
        x = layer_norm(p, name + "output.LayerNorm", x + linear(p, name + "output.dense", inner), eps)
    return x


def loss_of(p, config, batch):
    """Mean cross-entropy of the masked positions; the head is computed for those alone."""
    x = encode(p, config, batch["ids"], batch["attention_mask"])
    rows = x.reshape(-1, x.shape[-1])[batch["masked_positions"]]
    rows = gelu(linear(p, "cls.predictions.transform.dense", rows))
    rows = layer_norm(p, "cls.predictions.transform.LayerNorm", rows, config["layer_norm_eps"])
    logits = rows @ p["bert.embeddings.word_embeddings.weight"].T + p["cls.predictions.bias"]
    of_target = jnp.take_along_axis(logits, batch["masked_targets"][:, None], 1)[:, 0]
    losses = jax.nn.logsumexp(logits, axis=-1) - of_target
    weights = batch["masked_weights"]
    return (losses * weights).sum() / weights.sum()


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=(2,))
def step(config, optimizer, state, batch, lr):
    config, optimizer = dict(config), dict(optimizer)
    p, m, v, n = state
    loss, gradients = jax.value_and_grad(loss_of)(p, config, batch)
    norm = jnp.sqrt(sum((g**2).sum() for g in gradients.values()))
    clip = jnp.minimum(1.0, optimizer["clip_norm"] / norm)
    b1, b2 = optimizer["beta1"], optimizer["beta2"]
    n += 1
    g = {name: gradient * clip for name, gradient in gradients.items()}
    m = {name: b1 * m[name] + (1 - b1) * g[name] for name in g}
    v = {name: b2 * v[name] + (1 - b2) * g[name] ** 2 for name in g}

    def updated(name):
        decay = optimizer["weight_decay"] if p[name].ndim > 1 else 0.0
        change = (m[name] / (1 - b1**n)) / (jnp.sqrt(v[name] / (1 - b2**n)) + optimizer["eps"])
        return p[name] - lr * (change + decay * p[name])

    return ({name: updated(name) for name in g}, m, v, n), loss, norm


def main():
    folder = Path(sys.argv[1])
    reading = time.perf_counter()
    config = json.loads((folder / "config.json").read_text())
    steps = json.loads((folder / "steps.json").read_text())
    frozen = tuple((key, value) for key, value in config.items() if not isinstance(value, list))
    optimizer = tuple(steps["optimizer"].items())
    p = {name: jnp.asarray(value) for name, value in load_file(folder / "model.safetensors").items()}
    reading = time.perf_counter() - reading
    zeros = {name: jnp.zeros_like(value) for name, value in p.items()}
    state = (p, zeros, {name: jnp.zeros_like(value) for name, value in p.items()}, jnp.float32(0))
    tokens = len(steps["batches"][0]["ids"])
    length = int(sys.argv[2])
    losses, norms, ms = [], [], []
    first_step = None
    for batch, lr in zip(steps["batches"], steps["learning_rates"]):
        batch = {key: np.asarray(value) for key, value in batch.items()}
        for key in ("ids", "attention_mask"):
            batch[key] = batch[key].reshape(tokens // length, length)
        batch["masked_weights"] = batch["masked_weights"].astype(np.float32)
        before = time.perf_counter()
        state, loss, norm = step(frozen, optimizer, state, batch, lr)
        losses.append(float(loss))
        norms.append(float(norm))
        ms.append((time.perf_counter() - before) * 1e3)
        first_step = first_step or time.perf_counter() - BEGIN - reading
    version = f"JAX {jax.__version__}"
    print(json.dumps({"name": version, "losses": losses, "grad_norms": norms, "ms": ms, "first_step_secs": first_step}))


main()
