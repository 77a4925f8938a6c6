"""Networks as ONNX graphs compute what transformers computes of the same directory."""

import unittest

import numpy as np
import onnxruntime
import torch
from test_models import DIRECTORIES, PRESETS, TOLERANCE, clozelab, texts_of
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer


class Onnx(unittest.TestCase):
    def check(self, kind, directory, texts):
        path = DIRECTORIES.folder / f"{directory.name}.onnx"
        clozelab("export", "--model", directory, "--onnx", path)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        model = kind.from_pretrained(directory, trust_remote_code=True).eval()
        tokenizer = AutoTokenizer.from_pretrained(directory)
        length = model.config.max_position_embeddings
        for batch in (texts[:1], texts[1:6], texts):
            inputs = tokenizer(batch, padding=True, truncation=True, max_length=length, return_tensors="pt")
            inputs.setdefault("token_type_ids", torch.zeros_like(inputs["input_ids"]))
            with torch.no_grad():
                expected = model(**inputs).logits.numpy()
            names = ("input_ids", "attention_mask", "token_type_ids")
            (found,) = session.run(["logits"], {name: inputs[name].numpy() for name in names})
            kept = inputs["attention_mask"].numpy().astype(bool) if kind is AutoModelForMaskedLM else slice(None)
            self.assertEqual(found.shape, expected.shape)
            self.assertLess(float(np.abs(found[kept] - expected[kept]).max()), TOLERANCE, directory.name)

    def test_masked_language_models(self):
        for preset in PRESETS:
            with self.subTest(preset=preset):
                self.check(AutoModelForMaskedLM, DIRECTORIES.pretrained(preset), texts_of("single"))

    def test_classifiers(self):
        for preset in PRESETS:
            with self.subTest(preset=preset):
                directory = DIRECTORIES.classifier(preset, "single", "--parts", "one")
                self.check(AutoModelForSequenceClassification, directory, texts_of("single"))

    def test_poolings(self):
        for pooling in ("mean", "max-mean", "first-token"):
            with self.subTest(pooling=pooling):
                directory = DIRECTORIES.classifier("bert-tiny", "single", "--pooling", pooling)
                self.check(AutoModelForSequenceClassification, directory, texts_of("single"))

    def test_pairs(self):
        directory = DIRECTORIES.classifier("fast-tiny", "pair", "--parts", "one")
        self.check(AutoModelForSequenceClassification, directory, texts_of("single"))


if __name__ == "__main__":
    unittest.main()
