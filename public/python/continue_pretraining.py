"""Continues a Clozelab pre-training run under accelerate, on any number of processes and GPUs.

    clozelab tokenize --corpus text.txt --valid valid.txt --model runs/a --out tokens
    accelerate launch --num_processes 8 continue_pretraining.py --model runs/a --tokens tokens --out runs/b --steps 1000
    clozelab pretrain --resume --out runs/b             # the steps that are left of the run's plan
    clozelab finetune --train labelled.csv --from runs/b --out runs/c

Weights and the moments of AdamW and Muon are read from the newest checkpoint and written to a new one. The order of the
examples and the masks are this script's own; the same global batch gives the same step on any number of processes.

Needs torch, numpy, safetensors, transformers and accelerate; see docs/beyond-one-machine.md.
"""

import argparse
import hashlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.numpy import load_file, save_file
from torch.nn import functional as F
from transformers import AutoModelForMaskedLM

NOT_MASKED = -100
# Muon's quintic iteration (Jordan et al. 2024).
QUINTIC, ROUNDS, EPS = (3.4445, -4.7750, 2.0315), 5, 1e-7


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("has to be at least 1")
    return number


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="run directory to go on from")
    parser.add_argument("--tokens", type=Path, required=True, help="folder that `clozelab tokenize` made")
    parser.add_argument("--out", type=Path, required=True, help="run directory to make")
    parser.add_argument("--steps", type=positive, required=True, help="optimisation steps to do here")
    parser.add_argument("--batch-size", type=positive, help="examples of one step on all processes together")
    parser.add_argument("--lr", type=float, help="peak of a new schedule, where the run's own is not followed")
    parser.add_argument("--seed", type=int, default=1, help="order of the examples, and masks")
    return parser.parse_args()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Run:
    """The newest checkpoint of a run directory."""

    def __init__(self, directory):
        names = (path.name[5:] for path in (directory / "checkpoints").glob("step-*"))
        steps = sorted(int(name) for name in names if name.isdigit())
        if not steps:
            raise SystemExit(f"{directory} is not a run directory, or has not reached its first checkpoint")
        self.directory, self.folder = directory, directory / "checkpoints" / f"step-{steps[-1]}"
        self.state = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        if self.state["plan"]["phase"] != "pretrain":
            raise SystemExit(f"{directory} is not a pre-training run")
        if not self.state.get("groups"):
            raise SystemExit("this checkpoint does not name its moments: make one with a newer clozelab")
        for file in json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))["files"]:
            if digest(self.folder / file["name"]) != file["sha256"]:
                raise SystemExit(f"{self.folder / file['name']} is damaged: its SHA-256 differs")
        self.plan, self.step = self.state["plan"], self.state["step"]
        if self.plan["whole_word"] or self.state["config"].get("nsp"):
            raise SystemExit("runs with --whole-word or --nsp are continued by clozelab only")
        self.moments = load_file(self.folder / "optimizer.safetensors")

    def steps_left(self):
        return max(self.plan["budget"].get("steps", 0) - self.step, 0)

    def rate(self, step, arguments):
        """Learning rate of the step with this number, from 0: the run's, or that of a new schedule from here on."""
        schedule = self.plan["schedule"]
        if arguments.lr is None and arguments.steps <= self.steps_left():
            peak, floor, steps, warmup = (schedule[key] for key in ("peak", "floor", "steps", "warmup_steps"))
        else:
            peak, floor, steps = arguments.lr or schedule["peak"], schedule["floor"], arguments.steps
            step, warmup = step - self.step, max(round(arguments.steps * schedule["warmup_share"]), 1)
        if step < warmup:
            return peak * (step + 1) / warmup
        return peak * (floor + (1 - floor) * min(max((steps - step) / max(steps - warmup, 1), 0.0), 1.0))


class Optimizer:
    """AdamW and, for the matrices inside the blocks, Muon, as the engine does them, with moments by parameter name."""

    def __init__(self, run, parameters):
        self.settings, self.parameters = run.plan["optimizer"], parameters
        self.first, self.second, self.groups = {}, {}, run.state["groups"]
        for number, names in enumerate(self.groups):
            begin = 0
            for name in names:
                parameter = parameters[name]
                end = begin + parameter.numel()
                for key, moments in (("m", self.first), ("v", self.second)):
                    flat = run.moments.get(f"{key}.{number}")
                    if flat is not None:
                        moments[name] = torch.from_numpy(flat[begin:end].copy()).view_as(parameter).to(parameter.device)
                begin = end

    def step(self, number, lr):
        """One step, the `number`th of the run, from 1."""
        settings = self.settings
        norm = torch.sqrt(sum((p.grad.float() ** 2).sum() for p in self.parameters.values()))
        clip = min(settings["clip_norm"] / max(float(norm), 1e-12), 1.0)
        for name, parameter in self.parameters.items():
            gradient = parameter.grad * clip
            if name in self.second:
                self.adamw(parameter, gradient, name, number, lr)
            else:
                self.muon(parameter, gradient, name, lr)
            parameter.grad = None

    def adamw(self, parameter, gradient, name, number, lr):
        beta1, beta2, eps = (self.settings[key] for key in ("beta1", "beta2", "eps"))
        m, v = self.first[name], self.second[name]
        m.mul_(beta1).add_(gradient, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        decay = self.settings["weight_decay"] if parameter.dim() > 1 else 0.0
        update = (m / (1 - beta1**number)) / ((v / (1 - beta2**number)).sqrt() + eps)
        parameter.mul_(1 - lr * decay).sub_(update, alpha=lr)

    def muon(self, parameter, gradient, name, lr):
        muon = self.settings["muon"]
        rate = lr * muon["lr_ratio"]
        m = self.first[name].mul_(muon["momentum"]).add_(gradient)
        ahead = gradient + m * muon["momentum"]
        # Queries, keys and values are three matrices, one below the other.
        count = 3 if name.endswith("attention.qkv.weight") else 1
        for part, update in zip(parameter.chunk(count), ahead.chunk(count)):
            scale = math.sqrt(max(part.shape[0] / part.shape[1], 1.0))
            part.mul_(1 - rate * muon["weight_decay"]).sub_(orthogonalized(update), alpha=rate * scale)

    def flat(self):
        """The moments as the engine keeps them."""
        arrays = {}
        for number, names in enumerate(self.groups):
            for key, moments in (("m", self.first), ("v", self.second)):
                parts = [moments[name].detach().cpu().numpy().ravel() for name in names if name in moments]
                if parts:
                    arrays[f"{key}.{number}"] = np.concatenate(parts)
        return arrays


def orthogonalized(x):
    x = x / (x.norm() + EPS)
    a, b, c = QUINTIC
    for _ in range(ROUNDS):
        gram = x @ x.T if x.shape[0] <= x.shape[1] else x.T @ x
        polynomial = b * gram + c * gram @ gram
        x = a * x + (polynomial @ x if x.shape[0] <= x.shape[1] else x @ polynomial)
    return x


class Examples:
    """Windows of the training text, in a new order in each pass, and their masks: functions of the seed and the step."""

    def __init__(self, folder, run, seed):
        plan = run.plan
        if not (folder / "index.json").is_file():
            raise SystemExit(f"{folder} was not made by clozelab tokenize: index.json is missing")
        self.index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        if self.index["version"] != 1:
            raise SystemExit(f"{folder} was written by another version of clozelab")
        if self.index["tokenizer_sha256"] not in (None, digest(run.folder / "tokenizer.json")):
            raise SystemExit(f"{folder} was made with the tokenizer of another model")
        shards = [np.load(folder / name, mmap_mode="r") for name in self.index["shards"]]
        self.tokens = shards[0] if len(shards) == 1 else np.concatenate(shards)
        self.special, self.seed = self.index["special_tokens"], seed
        self.length, self.rate, self.most = plan["max_len"], plan["mask_rate"], plan.get("max_predictions")
        self.words = np.setdiff1d(np.arange(self.index["vocab_size"]), list(self.special.values()))
        self.windows = -(-len(self.tokens) // (self.length - 1))
        self.order = None

    def row(self, number):
        """What the model sees of the example with this number, and the tokens to guess, `[T]` each."""
        epoch, place = divmod(number, self.windows)
        if self.order is None or self.order[0] != epoch:
            self.order = epoch, np.random.default_rng([self.seed, 0, epoch]).permutation(self.windows)
        begin = self.order[1][place] * (self.length - 1)
        ids = np.full(self.length, self.special["pad"], dtype=np.int64)
        found = self.tokens[begin : begin + self.length - 1].astype(np.int64)
        ids[0], ids[1 : 1 + len(found)] = self.special["cls"], found
        draw = np.random.default_rng([self.seed, 1, number])
        choosable = np.flatnonzero(~np.isin(ids, list(self.special.values())))
        count = min(max(round(self.rate * len(choosable)), 1), len(choosable), self.most or self.length)
        chosen = draw.choice(choosable, count, replace=False)
        targets = np.full(self.length, NOT_MASKED, dtype=np.int64)
        targets[chosen] = ids[chosen]
        # 80 % are hidden, 10 % replaced, 10 % stay (Devlin et al. 2019).
        fate = draw.random(count)
        ids[chosen[fate < 0.8]] = self.special["mask"]
        replaced = chosen[(fate >= 0.8) & (fate < 0.9)]
        ids[replaced] = draw.choice(self.words, len(replaced))
        return ids, targets

    def batch(self, step, size, process, processes, device):
        """This process's part of the batch of a step."""
        rows = [self.row(step * size + number) for number in range(size)[process::processes]]
        ids, targets = (torch.tensor(np.stack(column), device=device) for column in zip(*rows))
        return ids, (ids != self.special["pad"]).long(), targets


def evaluated(model, folder, device):
    """Masked-LM loss of the validation windows, in nats, as `clozelab evaluate` computes it."""
    inputs, targets = (torch.from_numpy(np.load(folder / f"valid-{name}.npy")).long() for name in ("inputs", "targets"))
    pad = json.loads((folder / "index.json").read_text(encoding="utf-8"))["special_tokens"]["pad"]
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for ids, wanted in zip(inputs.split(16), targets.split(16)):
            ids, wanted = ids.to(device), wanted.to(device)
            logits = model(input_ids=ids, attention_mask=(ids != pad).long()).logits
            total += float(F.cross_entropy(logits.transpose(1, 2), wanted, ignore_index=NOT_MASKED, reduction="sum"))
            count += int((wanted != NOT_MASKED).sum())
    return total / max(count, 1)


def write_run(run, out, model, optimizer, steps):
    """Writes the run with the new weights and a checkpoint of the step that was reached into `out`, an empty folder."""
    old = ("checkpoints", ".lock", "report.html")
    shutil.copytree(run.directory, out, ignore=shutil.ignore_patterns(*old), dirs_exist_ok=True)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    # The digests of a finished run are those of its own weights.
    record.pop("model_sha256", None)
    (out / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    weights = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}
    names = {name for names in optimizer.groups for name in names}
    weights = {name: weights[name] for name in names}
    folder = out / "checkpoints" / f"step-{run.step + steps}"
    folder.mkdir(parents=True)
    for path in run.folder.iterdir():
        if path.name not in ("manifest.json", "model.safetensors", "optimizer.safetensors", "state.json"):
            shutil.copy(path, folder)
            # A killed run has no model beside its checkpoints.
            shutil.copy(path, out)
    state = {**run.state, "step": run.step + steps, "window_loss_sum": 0.0, "window_steps": 0}
    state["window_next_sentence_sum"] = None
    (folder / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    save_file(optimizer.flat(), folder / "optimizer.safetensors", metadata={"format": "pt"})
    files = [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": digest(path)} for path in sorted(folder.iterdir())
    ]
    manifest = {"step": run.step + steps, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def main():
    asked = arguments()
    if asked.out.exists():
        raise SystemExit(f"{asked.out} exists; nothing was changed")
    # Gradients are clipped and moments kept in 32 bits; a scaled loss would spoil both.
    accelerator = Accelerator(mixed_precision="no")
    if accelerator.distributed_type.value in ("DEEPSPEED", "FSDP", "MEGATRON_LM", "TPU", "XLA"):
        raise SystemExit(f"{accelerator.distributed_type.value} is not supported: use data parallelism (DDP)")
    torch.manual_seed(asked.seed + accelerator.process_index)
    run = Run(asked.model)
    # What cannot be written is noticed before the work, not after it.
    made = asked.out.with_name(f".{asked.out.name}.partial")
    if accelerator.is_main_process:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
    model = AutoModelForMaskedLM.from_pretrained(run.folder, trust_remote_code=True).to(accelerator.device)
    names = {name for names in run.state["groups"] for name in names}
    parameters = {name: parameter for name, parameter in model.named_parameters() if name in names}
    if names - parameters.keys():
        raise SystemExit(f"transformers does not know {sorted(names - parameters.keys())}")
    optimizer = Optimizer(run, parameters)
    examples = Examples(asked.tokens, run, asked.seed)
    size = asked.batch_size or run.plan["batch_size"]
    if size % accelerator.num_processes:
        raise SystemExit(f"a batch of {size} cannot be divided among {accelerator.num_processes} processes")
    say = print if accelerator.is_main_process else (lambda *_, **__: None)
    say(json.dumps({"step": run.step, "masked_lm_loss": evaluated(model, asked.tokens, accelerator.device)}))
    schedule = "the run's" if asked.lr is None and asked.steps <= run.steps_left() else "a new one"
    say(json.dumps({"schedule": schedule, "lr": run.rate(run.step, asked), "batch_size": size}))
    wrapped = accelerator.prepare(model)
    for step in range(run.step, run.step + asked.steps):
        wrapped.train()
        part = (accelerator.process_index, accelerator.num_processes)
        ids, mask, targets = examples.batch(step, size, *part, accelerator.device)
        logits = wrapped(input_ids=ids, attention_mask=mask).logits
        loss = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=NOT_MASKED, reduction="sum")
        count = accelerator.reduce((targets != NOT_MASKED).sum(), reduction="sum")
        # Gradients are averaged over the processes; the loss is the mean over the tokens of all of them.
        accelerator.backward(loss * accelerator.num_processes / count)
        with torch.no_grad():
            optimizer.step(step + 1, run.rate(step, asked))
        if (step + 1) % 50 == 0 or step + 1 == run.step + asked.steps:
            total = float(accelerator.reduce(loss.detach(), reduction="sum") / count)
            say(json.dumps({"step": step + 1, "loss": total}), flush=True)
    model = accelerator.unwrap_model(wrapped)
    loss = evaluated(model, asked.tokens, accelerator.device)
    say(json.dumps({"step": run.step + asked.steps, "masked_lm_loss": loss}))
    if accelerator.is_main_process:
        write_run(run, made, model, optimizer, asked.steps)
        made.rename(asked.out)
    accelerator.wait_for_everyone()


if __name__ == "__main__":
    main()
