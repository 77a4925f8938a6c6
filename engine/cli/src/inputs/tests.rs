//! Tests of `inputs`: folders, special files and model directories.

use super::*;

fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a scratch folder");
    for (name, text) in [
        ("b.txt", "b"),
        ("a/z.txt", "z"),
        ("a/deep/y.txt.gz", "y"),
        (".hidden", "h"),
        ("a/.git/x", "x"),
    ] {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
        fs::write(path, text).expect("writable");
    }
    root
}

fn names(root: &Path, sources: &[Source]) -> Vec<String> {
    let below = |source: &Source| {
        source
            .path
            .strip_prefix(root)
            .expect("below")
            .to_string_lossy()
            .into_owned()
    };
    sources.iter().map(below).collect()
}

#[test]
fn folders_are_read_in_path_order() {
    let root = folder();
    let sources = read(&[root.path().into()], Some(FileRole::Train)).expect("readable");
    assert_eq!(
        names(root.path(), &sources),
        ["a/deep/y.txt.gz", "a/z.txt", "b.txt"]
    );
    assert_eq!(
        io::read_to_string(sources[1].file.content.open().expect("there")).expect("text"),
        "z"
    );
    assert_eq!(sources[1].file.role, Some(FileRole::Train));
}

#[test]
fn a_file_that_changes_while_in_use_is_detected() {
    let root = folder();
    let sources = read(&[root.path().join("b.txt")], None).expect("readable");
    let open = || sources[0].file.content.open().map(drop);
    assert!(open().is_ok() && open().is_ok());
    fs::write(root.path().join("b.txt"), "longer").expect("writable");
    assert!(open().expect_err("noticed").to_string().contains("changed"));
    fs::remove_file(root.path().join("b.txt")).expect("there");
    assert_eq!(open().expect_err("gone").kind(), io::ErrorKind::NotFound);
}

#[test]
fn missing_files_and_empty_folders_are_reported_by_name() {
    let root = folder();
    for (path, code) in [
        ("nothing.txt", "unreadable-input"),
        ("empty", "empty-folder"),
    ] {
        fs::create_dir_all(root.path().join("empty")).expect("writable");
        let error = read(&[root.path().join(path)], None).expect_err("refused");
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn link_cycles_pipes_and_devices_are_harmless() {
    use std::os::unix::fs::symlink;
    let root = folder();
    symlink(root.path(), root.path().join("a/loop")).expect("writable");
    symlink("/dev/zero", root.path().join("endless")).expect("writable");
    symlink("nowhere", root.path().join("dangling")).expect("writable");
    let made = std::process::Command::new("mkfifo")
        .arg(root.path().join("pipe"))
        .status()
        .expect("mkfifo is there");
    assert!(made.success());
    let sources = read(&[root.path().into()], None).expect("readable");
    assert_eq!(
        names(root.path(), &sources),
        ["a/deep/y.txt.gz", "a/z.txt", "b.txt"]
    );
    for name in ["endless", "pipe", "dangling"] {
        read(&[root.path().join(name)], None).expect_err(name);
    }
}

#[test]
fn only_model_files_are_read() {
    let root = folder();
    let names = [
        "config.json",
        "model.safetensors",
        "vocab.txt",
        "checkpoints/step-1/config.json",
        "metrics.jsonl",
    ];
    for name in names {
        let path = root.path().join("run").join(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
        fs::write(path, name).expect("writable");
    }
    let files = read_model(&root.path().join("run")).expect("a model");
    assert_eq!(
        files.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        names[..3]
    );
    let error = read_model(root.path()).expect_err("a folder above");
    assert!(
        error.hint().to_string().ends_with("/run"),
        "{}",
        error.hint()
    );
}

#[test]
fn a_path_without_a_model_is_refused() {
    let root = folder();
    for path in [
        root.path().to_path_buf(),
        root.path().join("missing"),
        root.path().join("b.txt"),
    ] {
        assert_eq!(read_model(&path).expect_err("refused").code(), "no-model");
    }
}
