//! The lock of a run directory: an empty file that one process keeps open and locked.
//!
//! The lock belongs to the file's inode, whereas the files of a run are written by path. Comparing
//! the two is the only way to detect that the directory was removed, renamed or replaced.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Name of the lock file. Releasing the lock leaves it in place: removing it would race with the
/// next holder.
pub(crate) const LOCK_FILE: &str = ".lock";

/// A lock on a directory, held until it is dropped.
#[derive(Debug)]
pub(crate) struct DirLock(File);

/// The reason why a directory could not be locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process holds the lock.
    InUse,
    /// The lock file cannot be opened or locked.
    Io(io::Error),
}

impl DirLock {
    /// Locks `folder`, which must exist.
    ///
    /// # Errors
    /// Returns an error if another process holds the lock or it cannot be acquired.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let file = open(&folder.join(LOCK_FILE)).map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }

    /// Whether `folder` is still the directory that was locked.
    #[cfg(unix)]
    pub fn is_of(&self, folder: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let inode = |file: fs::Metadata| (file.dev(), file.ino());
        match (
            self.0.metadata(),
            fs::symlink_metadata(folder.join(LOCK_FILE)),
        ) {
            (Ok(held), Ok(found)) => inode(held) == inode(found),
            (_, Err(error)) => {
                !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
            }
            // If the disk does not respond, the next write reports it.
            (Err(_), Ok(_)) => true,
        }
    }

    /// Whether `folder` is still the directory that was locked. Always true: this platform does not
    /// move a directory that contains an open file.
    #[cfg(not(unix))]
    pub fn is_of(&self, _folder: &Path) -> bool {
        true
    }
}

/// Opens the lock file, or creates it. Only a regular file is accepted: a pipe would block, and a
/// symbolic link would lead elsewhere.
fn open(path: &Path) -> io::Result<File> {
    let check = |found: fs::Metadata| {
        let wrong = || io::Error::other(format!("its {LOCK_FILE} is not a regular file"));
        if found.is_file() {
            Ok(())
        } else {
            Err(wrong())
        }
    };
    if let Ok(found) = fs::symlink_metadata(path) {
        check(found)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    // The file may be replaced after that check.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NOFOLLOW | libc::O_NONBLOCK,
    );
    let file = options.open(path)?;
    check(file.metadata()?)?;
    Ok(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn refusal(folder: &Path) -> String {
        match DirLock::acquire(folder) {
            Err(LockError::Io(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_a_regular_file_is_a_lock() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let lock = root.path().join(LOCK_FILE);
        let made = std::process::Command::new("mkfifo")
            .arg(&lock)
            .status()
            .expect("mkfifo is there");
        assert!(made.success());
        assert!(refusal(root.path()).contains("not a regular file"));
        fs::remove_file(&lock).expect("there");
        symlink(root.path().join("elsewhere"), &lock).expect("writable");
        assert!(refusal(root.path()).contains("not a regular file"));
        assert!(
            !root.path().join("elsewhere").exists(),
            "a file was made behind the link"
        );
        fs::remove_file(&lock).expect("there");
        fs::create_dir(&lock).expect("writable");
        assert!(refusal(root.path()).contains("not a regular file"));
    }

    #[test]
    fn a_removed_or_replaced_directory_is_detected() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let (run, moved) = (root.path().join("run"), root.path().join("moved"));
        fs::create_dir(&run).expect("writable");
        let lock = DirLock::acquire(&run).expect("free");
        assert!(lock.is_of(&run));
        fs::rename(&run, &moved).expect("writable");
        assert!(!lock.is_of(&run) && lock.is_of(&moved));
        fs::create_dir(&run).expect("writable");
        assert!(!lock.is_of(&run));
        let _other = DirLock::acquire(&run).expect("another directory");
        assert!(!lock.is_of(&run));
        fs::remove_dir_all(&moved).expect("there");
        fs::write(&moved, "").expect("writable");
        assert!(!lock.is_of(&moved));
    }
}
