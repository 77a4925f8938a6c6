"""TensorBoard reads the event files of a run, as its own log has them."""

import json
import unittest

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_models import DIRECTORIES, clozelab


class TensorBoard(unittest.TestCase):
    def test_scalars_equal_the_log_of_the_run(self):
        text = DIRECTORIES.folder / "tensorboard.txt"
        text.write_text("".join(f"the cat number {i % 7} sleeps\n" for i in range(300)), encoding="utf-8")
        out = DIRECTORIES.folder / "tensorboard"
        clozelab("pretrain", "--corpus", text, "--out", out, "--preset", "fast-nano", "--steps", "30",
                 "--max-len", "16", "--batch-size", "8", "--tensorboard")
        log = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        events = EventAccumulator(str(out)).Reload()
        for tag, name, key in (("train/loss", "step", "loss"), ("valid/masked_lm_loss", "evaluated", "masked_lm_loss")):
            expected = [(event["step"], event[key]) for event in log if event["event"] == name]
            found = [(scalar.step, scalar.value) for scalar in events.Scalars(tag)]
            self.assertEqual([step for step, _ in found], [step for step, _ in expected])
            for (_, value), (_, logged) in zip(found, expected):
                self.assertAlmostEqual(value, logged, places=5)


if __name__ == "__main__":
    unittest.main()
