//! Checkpoints come back byte for byte, or not at all.

use super::*;
use crate::session::sha256;

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
fn the_newest_two_stay_and_nothing_else_lies_around() {
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
fn every_cut_and_every_flipped_byte_is_noticed() {
    let (_root, dir) = run();
    keep(&dir, &snapshot(5)).expect("kept");
    keep(&dir, &snapshot(10)).expect("kept");
    let folder = dir.path().join("checkpoints/step-10");
    for name in ["model.safetensors", "state.json", MANIFEST_FILE] {
        let whole = fs::read(folder.join(name)).expect("there");
        for at in 0..whole.len() {
            fs::write(folder.join(name), &whole[..at]).expect("writable");
            let (found, damaged) = newest(dir.path());
            assert!(
                same(&found.expect("the one before"), &snapshot(5)),
                "{name} cut at {at}"
            );
            assert_eq!((damaged.len(), damaged[0].step), (1, 10));
        }
        // A flip inside the manifest may leave its meaning as it was (white space); none may yield other files.
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(folder.join(name), &flipped).expect("writable");
            let found = newest(dir.path()).0.expect("one of the two");
            assert!(
                same(&found, &snapshot(5))
                    || (name == MANIFEST_FILE && same(&found, &snapshot(10))),
                "{name} {at}"
            );
        }
        fs::write(folder.join(name), &whole).expect("writable");
    }
    assert!(same(
        &newest(dir.path()).0.expect("whole again"),
        &snapshot(10)
    ));
}

#[test]
fn a_damaged_checkpoint_makes_way_when_its_step_comes_again() {
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
fn a_manifest_cannot_reach_outside() {
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

/// Writes the checkpoints of steps 5 and 10.
fn keep_two(dir: &RunDir) {
    for step in [5, 10] {
        keep(dir, &snapshot(step)).expect("kept");
    }
}

/// A failure for want of room.
fn full(dir: &RunDir) -> WriteFailure {
    WriteFailure::Disk {
        path: dir.path().into(),
        error: io::ErrorKind::StorageFull.into(),
    }
}

#[test]
fn on_a_full_disk_checkpoints_make_way_for_the_model_the_newest_last() {
    let room_with = |most: usize| {
        let (root, dir) = run();
        keep_two(&dir);
        let left = std::cell::RefCell::new(Vec::new());
        let result = make_room_for(&dir, || {
            let kept = steps(dir.path());
            let fits = kept.len() <= most;
            left.borrow_mut().push(kept);
            if fits { Ok(()) } else { Err(full(&dir)) }
        });
        assert!(result.is_ok());
        drop(root);
        left.into_inner()
    };
    assert_eq!(room_with(2), [vec![5, 10]]);
    assert_eq!(room_with(1), [vec![5, 10], vec![10]]);
    assert_eq!(room_with(0), [vec![5, 10], vec![10], vec![]]);
}

#[test]
fn a_model_that_never_fits_leaves_a_run_that_can_be_resumed() {
    let (_root, dir) = run();
    keep_two(&dir);
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
fn only_a_full_disk_costs_checkpoints() {
    let (_root, dir) = run();
    keep_two(&dir);
    let broken = || WriteFailure::Disk {
        path: dir.path().into(),
        error: io::ErrorKind::PermissionDenied.into(),
    };
    assert!(make_room_for(&dir, || Err(broken())).is_err());
    assert_eq!(steps(dir.path()), [5, 10]);
}

#[test]
fn of_older_checkpoints_the_newest_whole_one_stays() {
    let (_root, dir) = run();
    keep_two(&dir);
    fs::remove_file(dir.path().join("checkpoints/step-10/state.json")).expect("there");
    assert!(remove_older(dir.path()));
    assert_eq!(steps(dir.path()), [5]);
    assert!(!remove_older(dir.path()));
}
