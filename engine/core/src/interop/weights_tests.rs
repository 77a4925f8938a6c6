//! Tests with golden files, half precision, and malicious files built byte by byte.

use super::*;

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn one(name: &str, dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!(
        r#"{{"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{}]}}}}"#,
        data.len()
    );
    file(&header, data)
}

fn golden(case: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../tests/golden/model/{case}/model.safetensors",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(path).expect("the golden model is in the repository")
}

#[test]
fn hugging_face_files_round_trip_byte_for_byte() {
    for case in ["masked-lm", "masked-lm-nsp", "multi-label", "single-label"] {
        let bytes = golden(case);
        let weights = weights_from_bytes(&bytes).expect(case);
        assert_eq!(weights_to_bytes(&weights), bytes, "{case}");
    }
}

#[test]
fn every_truncated_file_is_rejected() {
    let weights = Weights::from([(
        "w".into(),
        HostTensor {
            shape: vec![2, 2],
            data: vec![1.0, -2.0, 0.5, 3.0],
        },
    )]);
    let bytes = weights_to_bytes(&weights);
    assert_eq!(weights_from_bytes(&bytes).expect("whole"), weights);
    for end in 0..bytes.len() {
        weights_from_bytes(&bytes[..end]).expect_err("cut");
    }
}

#[test]
fn half_precisions_become_f32() {
    let read = |bytes: &[u8]| weights_from_bytes(bytes).expect("valid")["w"].data.clone();
    let halves: Vec<u8> = [0x3c00u16, 0xc000, 0x0001, 0x7bff, 0x0000, 0x3555]
        .iter()
        .flat_map(|b| b.to_le_bytes())
        .collect();
    assert_eq!(
        read(&one("w", "F16", "[6]", &halves)),
        [1.0, -2.0, 2f32.powi(-24), 65504.0, 0.0, 0.333_251_95]
    );
    let brains: Vec<u8> = [0x3f80u16, 0xc000, 0x0000]
        .iter()
        .flat_map(|b| b.to_le_bytes())
        .collect();
    assert_eq!(read(&one("w", "BF16", "[3]", &brains)), [1.0, -2.0, 0.0]);
}

#[test]
fn weights_in_half_precision_are_half_as_large_and_nearly_the_same() {
    let data: Vec<f32> = (0..1000).map(|i| (i as f32 - 500.0) * 0.003_7).collect();
    let weights: Weights = [(
        "w".to_string(),
        HostTensor {
            shape: vec![10, 100],
            data: data.clone(),
        },
    )]
    .into();
    let full = weights_to_bytes(&weights);
    let half = weights_to_half_bytes(&weights).expect("small weights");
    assert_eq!(full.len() - half.len(), 2000);
    let back = weights_from_bytes(&half).expect("valid")["w"].data.clone();
    assert!(
        data.iter()
            .zip(&back)
            .all(|(a, b)| (a - b).abs() <= a.abs() / 2048.0),
        "half a unit in the last place"
    );
    assert!(data != back);
    let large = HostTensor {
        shape: vec![1],
        data: vec![70_000.0],
    };
    assert_eq!(
        weights_to_half_bytes(&[("w".to_string(), large)].into()),
        None
    );
}

#[test]
fn legacy_names_are_converted() {
    let zero = 0f32.to_le_bytes();
    for (old, new) in [
        (
            "bert.embeddings.LayerNorm.gamma",
            "bert.embeddings.LayerNorm.weight",
        ),
        (
            "cls.predictions.transform.LayerNorm.beta",
            "cls.predictions.transform.LayerNorm.bias",
        ),
        (
            "embeddings.word_embeddings.weight",
            "bert.embeddings.word_embeddings.weight",
        ),
    ] {
        let weights = weights_from_bytes(&one(old, "F32", "[1]", &zero)).expect(old);
        assert_eq!(weights.keys().collect::<Vec<_>>(), [new]);
    }
    let counters = weights_from_bytes(&one("bert.embeddings.position_ids", "I64", "[1]", &[0; 8]));
    assert_eq!(
        counters.expect("a buffer beside the weights"),
        Weights::new()
    );
}

#[test]
fn a_tied_tensor_is_found_under_its_other_name() {
    let data = 0.5f32.to_le_bytes();
    let names = |bytes: &[u8]| {
        weights_from_bytes(bytes)
            .expect("sound")
            .into_keys()
            .collect::<Vec<_>>()
    };
    for (tied, original) in TIES {
        assert_eq!(names(&one(tied, "F32", "[1]", &data)), [original]);
    }
    let header = r#"{"__metadata__":{"format":"pt","b":"a"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    assert_eq!(names(&file(header, &data)), ["a", "b"]);
    let golden = weights_from_bytes(&golden("masked-lm")).expect("sound");
    let mut moved = golden.clone();
    for (tied, original) in TIES {
        let tensor = moved.remove(original).expect("there");
        moved.insert(tied.into(), tensor);
    }
    assert_eq!(
        weights_from_bytes(&weights_to_bytes(&moved)).expect("sound"),
        golden
    );
}

#[test]
fn malicious_files_are_rejected_by_name() {
    let check = |bytes: &[u8], expected: &str| {
        let error = weights_from_bytes(bytes).expect_err(expected);
        let text = error.to_string();
        assert!(text.contains(expected), "{text} lacks {expected}");
        assert!(
            text.len() < 600 && !text.contains(char::is_control),
            "{text}"
        );
    };
    let nan = f32::NAN.to_le_bytes();
    let entry = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    check(b"", "ends before its header");
    check(&u64::MAX.to_le_bytes(), "claims 18446744073709551615 bytes");
    check(&((1u64 << 32) + 2).to_le_bytes(), "claims 4294967298 bytes");
    check(&file("", &[]), "damaged");
    check(&file("[]", &[]), "maps names to tensors");
    check(
        &file(&format!(r#"{{"a":{entry},"a":{entry}}}"#), &[0; 4]),
        r#"the name "a" occurs twice"#,
    );
    check(
        &file(&format!(r#"{{"a":{entry}}}"#), &[0; 5]),
        "not fully covered",
    );
    check(
        &one("a", "F32", "[1]", &nan),
        "1 of its 1 numbers are not finite",
    );
    check(&one("a", "I64", "[1]", &[0; 8]), "its type is I64");
    check(
        &one("a", "F32", &format!("[{}1]", "1,".repeat(20)), &[0; 4]),
        "21 axes",
    );
    check(&one("a", "F32", "[65536,65537]", &[0; 4]), "damaged");
    check(b"\x89HDF\r\n\x1a\n\0", "HDF5");
    check(b"\x80\x02}q\x00X\x04\x00\x00\x00", "Python pickle");
    check(b"GGUF\x03\x00\x00\x00\x00\x00", "GGUF");
    check(b"PK\x03\x04\x00\x00\x00\x00\x00\x00", "PyTorch .bin");
    let many: Vec<String> = (0..5000)
        .map(|n| format!(r#""t{n}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#))
        .collect();
    check(
        &file(&format!("{{{}}}", many.join(",")), &[]),
        "lists 5000 tensors",
    );
    let long = "\\u001b[31m".repeat(100);
    check(&one(&long, "I64", "[1]", &[0; 8]), r"\u{1b}[31m");
}
