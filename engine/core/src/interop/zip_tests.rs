//! Tests of round trips and malicious archives.

use super::*;

fn files() -> Files {
    vec![
        ("config.json".into(), b"{}".to_vec()),
        (
            "model.safetensors".into(),
            (0..=255u8).cycle().take(5000).collect(),
        ),
        ("vocab.txt".into(), "[PAD]\n".repeat(500).into_bytes()),
    ]
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive
            .start_file(*name, SimpleFileOptions::DEFAULT)
            .expect("a distinct name");
        archive.write_all(bytes).expect("memory takes it");
    }
    archive.finish().expect("finishes").into_inner()
}

#[test]
fn a_model_round_trips() {
    let bytes = zip_write("my-model", &files());
    assert_eq!(zip_read(&bytes).expect("valid"), files());
    assert_eq!(
        bytes,
        zip_write("my-model", &files()),
        "equal files give equal bytes"
    );
}

#[test]
fn a_manually_zipped_run_directory_is_read() {
    let bytes = archive(&[
        ("run/config.json", b"{}"),
        ("run/.lock", b""),
        ("run/checkpoints/step-1/model.safetensors", b"x"),
        ("__MACOSX/run/._config.json", b"x"),
        ("run/vocab.txt", b"a"),
    ]);
    let names: Vec<String> = zip_read(&bytes)
        .expect("valid")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["config.json", "vocab.txt"]);
    let loose = archive(&[("config.json", b"{}")]);
    assert_eq!(zip_read(&loose).expect("valid").len(), 1);
}

#[test]
fn every_truncated_archive_is_rejected() {
    let bytes = zip_write("m", &files());
    for end in (0..bytes.len()).step_by(7) {
        zip_read(&bytes[..end]).expect_err("cut");
    }
}

#[test]
fn a_flipped_bit_in_the_content_is_detected() {
    let mut bytes = zip_write("m", &files());
    let at = bytes
        .windows(16)
        .position(|window| window[0] == 0 && window[15] == 15)
        .expect("the stored weights");
    bytes[at + 8] ^= 1;
    assert!(
        zip_read(&bytes)
            .expect_err("damaged")
            .to_string()
            .contains("damaged")
    );
}

#[test]
fn malicious_archives_are_rejected() {
    let check = |bytes: &[u8], expected: &str| {
        let error = zip_read(bytes).expect_err(expected);
        assert!(
            error.to_string().contains(expected),
            "{error} lacks {expected}"
        );
    };
    for name in [
        "../config.json",
        "/etc/passwd",
        "a/../../b",
        "C:\\x",
        "a\\b",
    ] {
        check(&archive(&[(name, b"x")]), "points outside");
    }
    check(
        &archive(&[("config.json", b"{}"), ("a/b/c.txt", b"x")]),
        "in a subfolder",
    );
    check(b"PK\x03\x04 but not really", "not a zip");
    check(
        &archive(&[("zeros", &vec![0; 70 << 20])]),
        "decompression bomb",
    );
    let names: Vec<String> = (0..600).map(|n| format!("f{n}")).collect();
    let many: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), &b"x"[..]))
        .collect();
    check(&archive(&many), "600 entries");
}

#[test]
fn duplicate_names_are_rejected() {
    let mut bytes = archive(&[("aa.txt", b"1"), ("ab.txt", b"2")]);
    while let Some(at) = bytes.windows(6).position(|window| window == b"ab.txt") {
        bytes[at..at + 6].copy_from_slice(b"aa.txt");
    }
    assert!(
        zip_read(&bytes)
            .expect_err("twice")
            .to_string()
            .contains("duplicate names")
    );
}
