"""A pre-training run goes on under accelerate, on one process and on two, and comes back."""

import json
import os
import shutil
import socket
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np
from test_models import BUNDLE, DIRECTORIES, ROOT, clozelab

SCRIPT = ROOT / "public" / "python" / "continue_pretraining.py"
STEPS = 20
TOLERANCE = 1e-4


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def continued(model, tokens, out, processes=1, *words):
    """Runs the script on so many processes; the losses that it printed, by step."""
    common = dict(os.environ, ACCELERATE_USE_CPU="true", OMP_NUM_THREADS="1")
    if processes > 1:
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(processes)}
        common.update(place, LOCAL_WORLD_SIZE=str(processes))
    command = [sys.executable, SCRIPT, "--model", model, "--tokens", tokens, "--out", out, "--steps", STEPS, *words]
    started = []
    for rank in range(processes):
        ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else {}
        started.append(
            subprocess.Popen(list(map(str, command)), env={**common, **ranks}, stdout=subprocess.PIPE, text=True)
        )
    printed = [process.communicate()[0] for process in started]
    assert all(process.returncode == 0 for process in started), printed
    told = [json.loads(line) for line in "".join(printed).splitlines() if line.startswith("{")]
    return {line["step"]: line["masked_lm_loss"] for line in told if "masked_lm_loss" in line}


class Elsewhere(unittest.TestCase):
    def interrupted(self, preset, *words):
        """A run of 200 steps that was interrupted after 40: what is later than its checkpoint is taken away."""
        out = DIRECTORIES.folder / f"interrupted-{preset}"
        flags = ["--preset", preset, "--steps", 200, "--checkpoint-every", 40, *words]
        command = ["pretrain", "--corpus", BUNDLE / "train.txt", "--valid", BUNDLE / "valid.txt", "--out", out]
        binary = os.environ.get("CLOZELAB_BIN", "clozelab")
        words = [binary, "--json", "--device", "cpu", "--seed", "1", *command, *flags]
        process = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in process.stdout:
            if json.loads(line)["event"] == "checkpoint":
                process.kill()
                break
        process.stdout.close()
        process.wait()
        kept = sorted((out / "checkpoints").glob("step-*"), key=lambda path: int(path.name[5:]))
        for later in kept[1:]:
            shutil.rmtree(later)
        return out, int(kept[0].name[5:])

    def check(self, preset):
        run, step = self.interrupted(preset)
        tokens = DIRECTORIES.folder / f"tokens-{preset}"
        valid = BUNDLE / "valid.txt"
        # An interrupted run has no model beside its checkpoints.
        here = run / "checkpoints" / f"step-{step}"
        clozelab("tokenize", "--corpus", BUNDLE / "train.txt", "--valid", valid, "--model", here, "--out", tokens)
        loss = lambda model: json.loads(clozelab("evaluate", "--model", model, "--data", valid))["masked_lm_loss"]
        one, two = DIRECTORIES.folder / f"one-{preset}", DIRECTORIES.folder / f"two-{preset}"
        alone = continued(run, tokens, one)
        self.assertLess(abs(alone[step] - loss(here)), TOLERANCE, "at hand-over")
        self.assertLess(abs(alone[step + STEPS] - loss(one)), TOLERANCE, "on the way back")
        self.assertLess(alone[step + STEPS], alone[step], "it learns")
        together = continued(run, tokens, two, 2)
        self.assertLess(abs(together[step + STEPS] - alone[step + STEPS]), 1e-3, "two processes")
        clozelab("pretrain", "--resume", "--out", one)
        lines = (one / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        self.assertEqual(json.loads(lines[-1]), {**json.loads(lines[-1]), "event": "finished", "step": 200})
        clozelab("pretrain", "--corpus", BUNDLE / "train.txt", "--from", two, "--steps", 3, "--out", f"{two}-on")

    def test_adamw_and_muon(self):
        self.check("fast-tiny")

    def test_adamw_alone(self):
        self.check("mean")

    def test_token_shards(self):
        """Documents are what the tokenizer makes of the lines, each ended by [SEP]."""
        from transformers import AutoTokenizer

        model = DIRECTORIES.pretrained("bert-tiny")
        out = DIRECTORIES.folder / "tokens"
        text = Path(DIRECTORIES.folder / "lines.txt")
        lines = [f"line number {n} of a text, ünïcode included" for n in range(200)]
        text.write_text("\n".join(lines) + "\n", encoding="utf-8")
        clozelab("tokenize", "--corpus", text, "--valid", text, "--model", model, "--out", out)
        index = json.loads((out / "index.json").read_text())
        tokens = np.concatenate([np.load(out / name) for name in index["shards"]])
        bounds = np.load(out / "train-bounds.npy")
        tokenizer = AutoTokenizer.from_pretrained(model)
        self.assertEqual((len(tokens), len(bounds) - 1), (index["tokens"], 200))
        for number in (0, 7, 199):
            expected = tokenizer(lines[number], add_special_tokens=False)["input_ids"] + [tokenizer.sep_token_id]
            self.assertEqual(tokens[bounds[number] : bounds[number + 1]].tolist(), expected)
        inputs, targets = np.load(out / "valid-inputs.npy"), np.load(out / "valid-targets.npy")
        self.assertEqual(inputs.shape, targets.shape)
        share = (targets != -100).sum() / (~np.isin(inputs, list(range(4)))).sum()
        self.assertTrue(0.13 < share < 0.17, share)


if __name__ == "__main__":
    unittest.main()
