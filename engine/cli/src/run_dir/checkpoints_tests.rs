//! Tests of `checkpoints`: a checkpoint is read back byte for byte, or rejected.

use super::*;
use engine::session::sha256;

fn snapshot(step: u64) -> Snapshot {
    let files = vec![
        ("model.safetensors".into(), vec![step as u8; 40]),
        ("state.json".into(), b"{\"a\":1}".to_vec()),
    ];
    Snapshot { step, files }
}

fn run() -> (tempfile::TempDir, RunDir) {
    let root = tempfile::tempdir().expect("a scratch folder");
    let dir = RunDir::create(&root.path().join("run")).expect("free");
    dir.write("run.json", b"{}").expect("writable");
    (root, dir)
}

fn same(a: &Snapshot, b: &Snapshot) -> bool {
    a.step == b.step && a.files == b.files
}

#[test]
fn only_the_newest_two_checkpoints_remain() {
    let (_root, dir) = run();
    for step in [5, 10, 15] {
        assert_eq!(
            keep(&dir, &snapshot(step)).expect("kept"),
            format!("checkpoints/step-{step}")
        );
    }
    assert_eq!(steps(dir.path()), [10, 15]);
    assert_eq!(
        fs::read_dir(dir.path().join(CHECKPOINTS))
            .expect("readable")
            .count(),
        2
    );
    let (found, damaged) = newest(dir.path());
    assert!(same(&found.expect("whole"), &snapshot(15)));
    assert!(damaged.is_empty());
}

#[test]
fn truncated_and_flipped_bytes_are_detected() {
    let (_root, dir) = run();
    keep(&dir, &snapshot(5)).expect("kept");
    keep(&dir, &snapshot(10)).expect("kept");
    let folder = dir.path().join("checkpoints/step-10");
    for name in ["model.safetensors", "state.json", MANIFEST_FILE] {
        let original = fs::read(folder.join(name)).expect("there");
        for at in 0..original.len() {
            fs::write(folder.join(name), &original[..at]).expect("writable");
            let (found, damaged) = newest(dir.path());
            assert!(
                same(&found.expect("the one before"), &snapshot(5)),
                "{name} cut at {at}"
            );
            assert_eq!((damaged.len(), damaged[0].step), (1, 10));
        }
        // A flipped bit in the manifest may leave its meaning unchanged (white space), but must
        // never yield different files.
        for at in 0..original.len() {
            let mut flipped = original.clone();
            flipped[at] ^= 1;
            fs::write(folder.join(name), &flipped).expect("writable");
            let found = newest(dir.path()).0.expect("one of the two");
            assert!(
                same(&found, &snapshot(5))
                    || (name == MANIFEST_FILE && same(&found, &snapshot(10))),
                "{name} {at}"
            );
        }
        fs::write(folder.join(name), &original).expect("writable");
    }
    assert!(same(
        &newest(dir.path()).0.expect("whole again"),
        &snapshot(10)
    ));
}

#[test]
fn a_damaged_checkpoint_is_replaced_when_its_step_is_saved_again() {
    let (_root, dir) = run();
    for step in [5, 10] {
        keep(&dir, &snapshot(step)).expect("kept");
    }
    fs::remove_file(dir.path().join("checkpoints/step-10/state.json")).expect("there");
    keep(&dir, &snapshot(7)).expect("kept");
    assert_eq!(steps(dir.path()), [5, 7]);
    keep(&dir, &snapshot(10)).expect("kept");
    keep(&dir, &snapshot(10)).expect("kept again");
    assert!(same(&newest(dir.path()).0.expect("whole"), &snapshot(10)));
}

#[test]
fn a_manifest_cannot_name_a_file_outside_its_checkpoint() {
    let (root, dir) = run();
    keep(&dir, &snapshot(5)).expect("kept");
    fs::write(root.path().join("secret"), "s").expect("writable");
    let manifest = format!(
        r#"{{"step":5,"files":[{{"name":"../../../secret","bytes":1,"sha256":"{}"}}]}}"#,
        sha256(b"s")
    );
    fs::write(
        dir.path().join("checkpoints/step-5").join(MANIFEST_FILE),
        manifest,
    )
    .expect("writable");
    let (found, damaged) = newest(dir.path());
    assert!(found.is_none());
    assert!(damaged[0].reason.contains("outside"));
}

#[test]
fn a_folder_without_checkpoints_has_none() {
    let (_root, dir) = run();
    let (found, damaged) = newest(dir.path());
    assert!(found.is_none() && damaged.is_empty());
}

/// Saves the checkpoints of steps 5 and 10.
fn save_two(dir: &RunDir) {
    for step in [5, 10] {
        keep(dir, &snapshot(step)).expect("kept");
    }
}

/// Returns the failure of a write to a full disk.
fn full(dir: &RunDir) -> WriteFailure {
    WriteFailure::Disk {
        path: dir.path().into(),
        error: io::ErrorKind::StorageFull.into(),
    }
}

#[test]
fn a_full_disk_removes_checkpoints_for_the_model_the_newest_last() {
    let attempts_with_room_for = |max_checkpoints: usize| {
        let (root, dir) = run();
        save_two(&dir);
        let attempts = std::cell::RefCell::new(Vec::new());
        let result = make_room_for(&dir, || {
            let saved = steps(dir.path());
            let fits = saved.len() <= max_checkpoints;
            attempts.borrow_mut().push(saved);
            if fits { Ok(()) } else { Err(full(&dir)) }
        });
        assert!(result.is_ok());
        drop(root);
        attempts.into_inner()
    };
    assert_eq!(attempts_with_room_for(2), [vec![5, 10]]);
    assert_eq!(attempts_with_room_for(1), [vec![5, 10], vec![10]]);
    assert_eq!(attempts_with_room_for(0), [vec![5, 10], vec![10], vec![]]);
}

#[test]
fn a_model_that_does_not_fit_ends_with_a_resumable_run() {
    let (_root, dir) = run();
    save_two(&dir);
    assert!(
        make_room_for(&dir, || Err(full(&dir)))
            .expect_err("no room")
            .is_full()
    );
    assert!(same(
        &newest(dir.path()).0.expect("written again"),
        &snapshot(10)
    ));
}

#[test]
fn other_write_errors_remove_no_checkpoints() {
    let (_root, dir) = run();
    save_two(&dir);
    let broken = || WriteFailure::Disk {
        path: dir.path().into(),
        error: io::ErrorKind::PermissionDenied.into(),
    };
    assert!(make_room_for(&dir, || Err(broken())).is_err());
    assert_eq!(steps(dir.path()), [5, 10]);
}

#[test]
fn remove_older_keeps_the_newest_intact_checkpoint() {
    let (_root, dir) = run();
    save_two(&dir);
    fs::remove_file(dir.path().join("checkpoints/step-10/state.json")).expect("there");
    assert!(remove_older(dir.path()));
    assert_eq!(steps(dir.path()), [5]);
    assert!(!remove_older(dir.path()));
}
