//! Finished runs whose files were damaged: the damage is reported and the file is not used.

use crate::lab::Lab;

/// Flips one bit in the middle of a file.
fn flip(lab: &Lab, name: &str) {
    let mut bytes = lab.read(name);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    lab.write(name, bytes);
}

#[test]
fn a_model_with_a_flipped_bit_is_refused_wherever_it_is_used() {
    let lab = Lab::new();
    lab.tiny("finetune --train train.txt --valid valid.txt --out run --steps 3 --parts one")
        .ok();
    let commands = [
        "inspect run",
        "evaluate --model run --data test.txt --device cpu",
        "predict --model run --data text.txt --device cpu",
        "finetune --train train.txt --from run --out other --steps 3 --device cpu",
        "finetune --out run --resume",
    ];
    flip(&lab, "run/README.md");
    for words in &commands[..3] {
        lab.run(words).ok();
    }
    flip(&lab, "run/model.safetensors");
    for words in commands {
        let done = lab.run(words);
        assert!(
            done.refused()
                .stderr
                .contains("model.safetensors has changed since the run wrote it"),
            "{}",
            done.stderr
        );
    }
    flip(&lab, "run/model.safetensors");
    lab.run("evaluate --model run --data test.txt --device cpu")
        .ok();
}

#[test]
fn remedy_named_by_a_refusal_works() {
    let lab = Lab::new();
    lab.tiny("pretrain --corpus text.txt --out run --steps 10 --checkpoint-every 5")
        .ok();
    std::fs::remove_file(lab.path("run/config.json")).expect("there");
    lab.write("run/run.json", "{");
    let done = lab.run("pretrain --out run --resume");
    assert!(
        done.refused()
            .stderr
            .contains("--from run/checkpoints/step-10"),
        "{}",
        done.stderr
    );
    lab.tiny("pretrain --corpus text.txt --from run/checkpoints/step-10 --out again --steps 2")
        .ok();
}
