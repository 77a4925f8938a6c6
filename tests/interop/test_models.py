"""Every kind of run directory, loaded by Hugging Face transformers, computes what the command line computes.

Needs CLOZELAB_BIN (a built command line) and the packages of requirements.txt; `cargo xtask interop` provides both.
"""

import atexit
import json
import math
import os
import random
import shutil
import subprocess
import tempfile
import unittest
import warnings
from pathlib import Path

import torch
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForPreTraining,
    BertForSequenceClassification,
    pipeline,
)

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "public" / "bundle"
BINARY = os.environ.get("CLOZELAB_BIN", "clozelab")
PRESETS = ["fast-tiny", "textcnn", "mean", "bert-tiny"]
TOLERANCE = 1e-4
# Beyond ASCII: other scripts, marks, letters that change their length in lower case, signs, separators and emoji.
HOSTILE = [
    "Ἀθῆναι ΟΔΥΣΣΕΥΣ İstanbul straße ﬁne",
    "नमस्ते दुनिया ภาษาไทย ខ្មែរ 日本語のテキスト 山水 한국어",
    "Ⓐ 🄰 👩‍💻 ½ ² Ⅷ a\u0301e\u0300 \u200bzero\u200dwidth \ufeffmark",
    "tab-free\u00a0text\u2003with\u3000spaces\x1cand\x1dseparators, it's #1!",
    "x",
    "long " * 200,
]

torch.set_grad_enabled(False)
warnings.filterwarnings("ignore")


def clozelab(*words):
    command = [BINARY, "--quiet", "--device", "cpu", "--seed", "1", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def lines(name, most):
    with open(BUNDLE / name, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file][:most]


def split(line):
    words = line.split(" __label__")
    return words[0], words[1:]


def documents(kind):
    """Labelled lines of the bundled text for each kind of task."""
    rows = []
    for text, labels in map(split, lines("train.txt", 1500)):
        kept = [label for label in labels if label in ("noun", "verb", "adj", "adv")][:1]
        if kind == "multi":
            rows.append((text, labels))
        elif kept:
            half = len(text) // 2
            rows.append((f"{text[:half]}\t{text[half:]}" if kind == "pair" else text, kept))
    return rows


class Directories:
    """Runs that the tests share, made once."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="clozelab-interop-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.known = {}

    def data(self, kind):
        path = self.folder / f"{kind}.txt"
        if not path.exists():
            rows = [text + "".join(f" __label__{label}" for label in labels) for text, labels in documents(kind)]
            path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return path

    def pretrained(self, preset, *words):
        key = ("lm", preset, *words)
        if key not in self.known:
            out = self.folder / "-".join(map(str, key)).replace("--", "")
            clozelab("pretrain", "--corpus", BUNDLE / "train.txt", "--preset", preset, "--steps", 12, "--out", out, *words)
            self.known[key] = out
        return self.known[key]

    def classifier(self, preset, kind, *words):
        key = (kind, preset, *words)
        if key not in self.known:
            out = self.folder / "-".join(map(str, key)).replace("--", "")
            source = self.pretrained(preset)
            clozelab("finetune", "--train", self.data(kind), "--from", source, "--steps", 25, "--out", out, *words)
            self.known[key] = out
        return self.known[key]


DIRECTORIES = Directories()


def texts_of(kind):
    texts = [text for text, _ in map(split, lines("test.txt", 40))]
    random.Random(1).shuffle(texts)
    if kind == "pair":
        return [f"{a}\t{b}" for a, b in zip(texts[:20], HOSTILE * 4)]
    return texts[:20] + HOSTILE


def as_pair(text):
    return tuple(text.split("\t", 1)) if "\t" in text else text


def answers(directory, texts, *words):
    """What the command line says of each text."""
    path = DIRECTORIES.folder / "asked.txt"
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    printed = clozelab("predict", "--model", directory, "--data", path, *words)
    return [json.loads(line)["labels"] for line in printed.split("\n") if line]


class Models(unittest.TestCase):
    maxDiff = None

    def loaded(self, kind, directory):
        model, report = kind.from_pretrained(directory, trust_remote_code=True, output_loading_info=True)
        for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
            self.assertEqual(list(report.get(problem) or []), [], f"{directory.name}: {problem}")
        return model.eval(), AutoTokenizer.from_pretrained(directory)

    def test_masked_language_models(self):
        text = "a small [MASK] used for [MASK] of food"
        for preset in PRESETS:
            with self.subTest(preset=preset):
                directory = DIRECTORIES.pretrained(preset)
                model, tokenizer = self.loaded(AutoModelForMaskedLM, directory)
                ids = tokenizer(text, return_tensors="pt")
                probabilities = model(**ids).logits[0].softmax(-1)
                ours = json.loads(clozelab("fill-mask", "--model", directory, text, "--top-k", 20))["masks"]
                self.assertEqual(len(ours), 2)
                for mask in ours:
                    self.assertEqual(ids.input_ids[0, mask["position"]], tokenizer.mask_token_id)
                    for guess in mask["candidates"]:
                        token = tokenizer.convert_tokens_to_ids(guess["token"])
                        theirs = float(probabilities[mask["position"], token])
                        self.assertLess(abs(math.log(theirs) - math.log(guess["score"])), TOLERANCE, guess)
                fill = pipeline("fill-mask", model=str(directory), trust_remote_code=True)
                best = fill("a small [MASK] used for cooking")[0]
                self.assertIn("token_str", best)

    def test_padding_changes_nothing(self):
        for preset in PRESETS:
            with self.subTest(preset=preset):
                model, tokenizer = self.loaded(AutoModelForMaskedLM, DIRECTORIES.pretrained(preset))
                alone = model(**tokenizer("a [MASK] bird", return_tensors="pt")).logits
                both = model(**tokenizer(["a [MASK] bird", "a longer text about birds"], padding=True, return_tensors="pt"))
                self.assertLess(float((both.logits[0, : alone.shape[1]] - alone[0]).abs().max()), TOLERANCE)

    def check_classifier(self, directory, kind):
        model, tokenizer = self.loaded(AutoModelForSequenceClassification, directory)
        texts = texts_of(kind)
        pairs = [as_pair(text) for text in texts]
        every = answers(directory, texts, "--top-k", 1000)
        logits = model.fused_logits(pairs, tokenizer)
        is_multi = model.config.problem_type == "multi_label_classification"
        self.assertEqual(is_multi, kind == "multi")
        probabilities = logits.sigmoid() if is_multi else logits.softmax(-1)
        for text, row, labels in zip(texts, probabilities, every):
            self.assertEqual(len(labels), model.config.num_labels, text)
            for label in labels:
                theirs = float(row[model.config.label2id[label["label"]]])
                self.assertLess(abs(theirs - label["score"]), TOLERANCE, (directory.name, text, label))
        given = [[label["label"] for label in labels] for labels in answers(directory, texts)]
        self.assertEqual([[label for label, _ in labels] for labels in model.predict(pairs, tokenizer)], given)
        return model, tokenizer

    def test_single_label_classifiers(self):
        for preset in PRESETS:
            with self.subTest(preset=preset):
                self.check_classifier(DIRECTORIES.classifier(preset, "single"), "single")

    def test_multi_label_classifiers(self):
        for preset in ("fast-tiny", "bert-tiny"):
            with self.subTest(preset=preset):
                self.check_classifier(DIRECTORIES.classifier(preset, "multi"), "multi")

    def test_classifiers_of_pairs(self):
        for preset in ("fast-tiny", "bert-tiny"):
            with self.subTest(preset=preset):
                self.check_classifier(DIRECTORIES.classifier(preset, "pair"), "pair")

    def test_each_kind_of_parts(self):
        for parts in ("one", "seeds", "fusion"):
            with self.subTest(parts=parts):
                self.check_classifier(DIRECTORIES.classifier("fast-tiny", "single", "--parts", parts), "single")

    def test_one_network_alone(self):
        """`forward` is the first network, whose raw scores the command line prints."""
        for preset in PRESETS:
            with self.subTest(preset=preset):
                directory = DIRECTORIES.classifier(preset, "single", "--parts", "one")
                model, tokenizer = self.loaded(AutoModelForSequenceClassification, directory)
                texts = texts_of("single")[:20]
                length = model.config.clozelab_trained_len
                batch = tokenizer(texts, padding=True, truncation=True, max_length=length, return_tensors="pt")
                logits = model(**batch).logits
                # What is added for rare labels is part of the decision, not of the calibration.
                header = model.parts.header
                logits = logits + torch.tensor(header.get("label_bias", [0.0])) / sum(header["weights"])
                probabilities = logits.softmax(-1)
                for row, labels in zip(probabilities, answers(directory, texts, "--top-k", 1000)):
                    for label in labels:
                        theirs = float(row[model.config.label2id[label["label"]]])
                        self.assertLess(abs(theirs - label.get("raw", label["score"])), TOLERANCE)

    def test_pipelines(self):
        for preset in PRESETS:
            with self.subTest(preset=preset):
                directory = DIRECTORIES.classifier(preset, "single")
                texts = texts_of("single")[:20]
                # Of a BERT, the pipeline of transformers itself, which knows its first network alone.
                is_bert = preset.startswith("bert")
                classify = pipeline("text-classification", model=str(directory), trust_remote_code=not is_bert)
                found = classify(texts) + classify(texts, batch_size=4)
                if not is_bert:
                    expected = [labels[0] for labels in answers(directory, texts)] * 2
                    self.assertEqual([one["label"] for one in found], [one["label"] for one in expected])
                    for ours, theirs in zip(expected, found):
                        self.assertLess(abs(ours["score"] - theirs["score"]), TOLERANCE)

    def test_bert_needs_no_remote_code(self):
        directory = DIRECTORIES.classifier("bert-tiny", "single")
        plain, report = BertForSequenceClassification.from_pretrained(directory, output_loading_info=True)
        self.assertEqual((report["missing_keys"], report["unexpected_keys"]), ([], []))
        whole, tokenizer = self.loaded(AutoModelForSequenceClassification, directory)
        batch = tokenizer("a small bird", return_tensors="pt")
        self.assertLess(float((plain(**batch).logits - whole(**batch).logits).abs().max()), 1e-6)

    def test_next_sentence_prediction(self):
        directory = DIRECTORIES.pretrained("bert-tiny", "--nsp")
        _, report = BertForPreTraining.from_pretrained(directory, output_loading_info=True)
        self.assertEqual((report["missing_keys"], report["unexpected_keys"]), ([], []))
        self.loaded(AutoModelForMaskedLM, DIRECTORIES.pretrained("fast-tiny", "--nsp"))

    def test_saved_again(self):
        """What transformers saves of a model is the same model."""
        model, tokenizer = self.loaded(AutoModelForMaskedLM, DIRECTORIES.pretrained("fast-tiny"))
        copy = DIRECTORIES.folder / "saved-again"
        model.save_pretrained(copy)
        tokenizer.save_pretrained(copy)
        again, _ = self.loaded(AutoModelForMaskedLM, copy)
        ids = tokenizer("a [MASK] bird", return_tensors="pt")
        self.assertEqual(float((model(**ids).logits - again(**ids).logits).abs().max()), 0.0)
        self.assertIn("masks", json.loads(clozelab("fill-mask", "--model", copy, "a [MASK] bird")))

    def test_a_classifier_saved_again(self):
        for preset in ("fast-tiny", "bert-tiny"):
            with self.subTest(preset=preset):
                model, tokenizer = self.loaded(
                    AutoModelForSequenceClassification, DIRECTORIES.classifier(preset, "single")
                )
                copy = DIRECTORIES.folder / f"classifier-saved-{preset}"
                model.train()
                model.save_pretrained(copy)
                tokenizer.save_pretrained(copy)
                again, _ = self.loaded(AutoModelForSequenceClassification, copy)
                texts = texts_of("single")[:10]
                difference = model.fused_logits(texts, tokenizer) - again.fused_logits(texts, tokenizer)
                self.assertEqual(float(difference.abs().max()), 0.0)
                self.assertEqual(again.predict([]), [])
                with self.assertRaises(TypeError):
                    again.predict("one text")

    def test_other_poolings(self):
        for pooling in ("mean", "max-mean", "first-token"):
            with self.subTest(pooling=pooling):
                directory = DIRECTORIES.classifier("bert-tiny", "single", "--pooling", pooling)
                self.check_classifier(directory, "single")

    def test_words_and_characters(self):
        for kind in ("word", "char"):
            with self.subTest(tokenizer=kind):
                directory = DIRECTORIES.pretrained("fast-nano", "--tokenizer", kind)
                model, tokenizer = self.loaded(AutoModelForMaskedLM, directory)
                text = "a [MASK] bird"
                ours = json.loads(clozelab("fill-mask", "--model", directory, text, "--top-k", 5))["masks"][0]
                ids = tokenizer(text, return_tensors="pt")
                row = model(**ids).logits[0, ours["position"]].softmax(-1)
                for guess in ours["candidates"]:
                    theirs = float(row[tokenizer.convert_tokens_to_ids(guess["token"])])
                    self.assertLess(abs(theirs - guess["score"]), TOLERANCE)


if __name__ == "__main__":
    unittest.main()
