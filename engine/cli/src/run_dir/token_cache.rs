//! On-disk storage for the tokens of large corpora: temporary files while they are produced, and a
//! cache that later runs reuse. A cache entry is written atomically, and its size and SHA-256 are
//! verified when it is looked up.

use crate::run_dir::checkpoints::digest;
use crate::run_dir::lock::LOCK_FILE;
use crate::run_dir::store::{remove, shown};
use crate::terminal::output;
use data::{ReadAt, TempStorage};
use engine::session::CacheEntry;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// Name of the file that lists the parts of an entry with their sizes and digests.
const MANIFEST_FILE: &str = "manifest.json";
/// Maximum size of all entries in bytes; the least recently used ones are evicted beyond it.
const MAX_CACHED_BYTES: u64 = 20 << 30;
/// Size in bytes above which temporary storage moves from memory to a file.
const MAX_IN_MEMORY_BYTES: usize = 32 << 20;
/// Number of bytes copied at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// Prefix of the folder name of an entry that is still being written.
const UNFINISHED: &str = ".new-";
/// Age beyond which an unfinished entry without a lock file counts as left behind by a killed
/// process.
const MAX_UNLOCKED_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// Value of `--token-cache` that turns the cache off.
const OFF: &str = "off";

/// The token cache in one folder.
pub(crate) struct TokenCache {
    /// Folder of the cache; `None` if it is turned off.
    root: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    pieces: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    name: String,
    size: u64,
    sha256: String,
}

impl TokenCache {
    /// Creates a cache in the folder `given`, or by default in the user's cache folder; `off` turns
    /// it off.
    pub fn new(given: Option<&str>) -> Self {
        let root = match given {
            Some(OFF) => None,
            Some(folder) => Some(folder.into()),
            None => etcetera::choose_base_strategy()
                .ok()
                .map(|folders| folders.cache_dir().join("clozelab")),
        };
        Self { root }
    }

    /// Returns temporary storage: memory while it is small, then a file that is deleted with it.
    pub fn scratch(&self) -> Box<dyn TempStorage> {
        // Without a usable cache folder, fall back to the temporary folder of the system.
        let folder = self
            .root
            .clone()
            .filter(|root| fs::create_dir_all(root).is_ok());
        let folder = folder.unwrap_or_else(std::env::temp_dir);
        Box::new(Spool(RefCell::new(tempfile::spooled_tempfile_in(
            MAX_IN_MEMORY_BYTES,
            folder,
        ))))
    }

    /// Returns the parts of the entry `key`, if all of them exist and are intact.
    pub fn get(&self, key: &str) -> Option<Vec<CacheEntry>> {
        let folder = self.root.as_ref()?.join(key);
        let manifest = fs::read(folder.join(MANIFEST_FILE)).ok()?;
        match open(&folder, &manifest) {
            Ok(pieces) => {
                // The time of last use only decides which entry is evicted, so a failure is
                // harmless.
                let _ = touch(&folder);
                Some(pieces)
            }
            Err(error) => {
                let path = shown(&folder);
                output::print_stderr(&format!(
                    "warning: the cached tokens in {path} are damaged ({error}); tokenising the text again"
                ));
                // If it cannot be removed, it is found damaged again.
                let _ = remove(&folder);
                None
            }
        }
    }

    /// Stores `pieces` as the entry `key`. If that fails, a warning is printed and the next run
    /// tokenises the corpus again.
    pub fn put(&self, key: &str, pieces: &[CacheEntry]) {
        let Some(root) = &self.root else { return };
        sweep(root);
        match write(root, key, pieces) {
            Ok(()) => prune(root, key),
            Err(error) => output::print_stderr(&format!(
                "warning: the tokens of this corpus were not cached: {error}"
            )),
        }
    }
}

fn open(folder: &Path, manifest: &[u8]) -> io::Result<Vec<CacheEntry>> {
    let manifest: Manifest = serde_json::from_slice(manifest)?;
    let piece = |entry: Entry| {
        let path = folder.join(Path::new(&entry.name).file_name().unwrap_or_default());
        let file = File::open(path)?;
        if file.metadata()?.len() != entry.size || digest(&file)? != entry.sha256 {
            return Err(io::Error::other(format!(
                "{} has changed since it was written",
                output::plain(&entry.name)
            )));
        }
        Ok(CacheEntry {
            name: entry.name,
            size: entry.size,
            bytes: Rc::new(OnDisk(file)),
        })
    };
    manifest.pieces.into_iter().map(piece).collect()
}

fn write(root: &Path, key: &str, pieces: &[CacheEntry]) -> io::Result<()> {
    fs::create_dir_all(root)?;
    let staging = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(root)?;
    let in_use = File::create_new(staging.path().join(LOCK_FILE))?;
    in_use.try_lock()?;
    let mut entries = Vec::new();
    for CacheEntry { name, size, bytes } in pieces {
        let path = staging.path().join(name);
        let mut file = File::create_new(&path)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        for start in (0..*size).step_by(CHUNK_BYTES) {
            let chunk = &mut chunk[..(size - start).min(CHUNK_BYTES as u64) as usize];
            bytes.read_at(start, chunk)?;
            file.write_all(chunk)?;
        }
        file.sync_all()?;
        entries.push(Entry {
            name: name.clone(),
            size: *size,
            sha256: digest(&File::open(path)?)?,
        });
    }
    fs::write(
        staging.path().join(MANIFEST_FILE),
        serde_json::to_vec_pretty(&Manifest { pieces: entries })?,
    )?;
    let target = root.join(key);
    if target.exists() {
        return Ok(());
    }
    // Some platforms cannot rename a folder that contains an open file.
    drop(in_use);
    fs::remove_file(staging.path().join(LOCK_FILE))?;
    fs::rename(staging.path(), &target)?;
    let _ = staging.keep();
    Ok(())
}

/// Removes unfinished entries of killed processes: those whose lock no process holds.
fn sweep(root: &Path) {
    let folders = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let is_unfinished = |folder: &PathBuf| {
        folder
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED))
    };
    for folder in folders
        .filter(is_unfinished)
        .filter(|folder| is_abandoned(folder))
    {
        // If it cannot be removed, the next sweep finds it again.
        let _ = remove(&folder);
    }
}

/// Whether an unfinished entry was abandoned. One without a lock file was either just created or is
/// of an older version, so its age decides.
fn is_abandoned(folder: &Path) -> bool {
    match File::options().write(true).open(folder.join(LOCK_FILE)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => {
            let modified = fs::metadata(folder).and_then(|found| found.modified());
            modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > MAX_UNLOCKED_AGE))
        }
    }
}

/// Evicts the least recently used entries, but never `newest`, until the rest fit in
/// [`MAX_CACHED_BYTES`].
fn prune(root: &Path, newest: &str) {
    let size = |folder: &Path| {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files
            .filter_map(|file| Some(file.metadata().ok()?.len()))
            .sum::<u64>()
    };
    let last_used = |folder: &Path| {
        fs::metadata(folder.join(MANIFEST_FILE)).and_then(|manifest| manifest.modified())
    };
    let folders = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut entries: Vec<(SystemTime, PathBuf)> = folders
        .filter_map(|folder| Some((last_used(&folder).ok()?, folder)))
        .collect();
    entries.sort();
    let mut total: u64 = entries.iter().map(|(_, folder)| size(folder)).sum();
    for (_, folder) in entries
        .iter()
        .filter(|(_, folder)| !folder.ends_with(newest))
    {
        if total <= MAX_CACHED_BYTES {
            break;
        }
        total -= size(folder);
        if let Err(error) = remove(folder) {
            output::print_stderr(&format!(
                "warning: the old tokens in {} could not be removed: {error}",
                shown(folder)
            ));
        }
    }
}

fn touch(folder: &Path) -> io::Result<()> {
    File::options()
        .append(true)
        .open(folder.join(MANIFEST_FILE))?
        .set_modified(SystemTime::now())
}

/// A file of a cache entry, opened for reading.
struct OnDisk(File);

impl ReadAt for OnDisk {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        (&self.0).seek(SeekFrom::Start(offset))?;
        (&self.0).read_exact(out)
    }
}

/// Temporary storage in memory or in an unnamed file.
struct Spool(RefCell<tempfile::SpooledTempFile>);

impl ReadAt for Spool {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut file = self.0.borrow_mut();
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(out)
    }
}

impl TempStorage for Spool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = self.0.get_mut();
        file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(bytes: &[u8]) -> Vec<CacheEntry> {
        let piece = |name: &str, bytes: &[u8]| CacheEntry {
            name: name.into(),
            size: bytes.len() as u64,
            bytes: Rc::new(bytes.to_vec()),
        };
        vec![piece("a", bytes), piece("b", b"")]
    }

    fn read(cache: &TokenCache, key: &str) -> Option<Vec<u8>> {
        let pieces = cache.get(key)?;
        let mut bytes = vec![0; pieces[0].size as usize];
        pieces[0].bytes.read_at(0, &mut bytes).expect("readable");
        Some(bytes)
    }

    #[test]
    fn an_entry_is_found_intact_or_not_at_all() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let cache = TokenCache::new(root.path().to_str());
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES + 7).map(|i| i as u8).collect();
        assert_eq!(read(&cache, "k"), None);
        cache.put("k", &pieces(&bytes));
        assert_eq!(read(&cache, "k").as_ref(), Some(&bytes));
        assert_eq!(read(&cache, "other"), None);
        let path = root.path().join("k/a");
        let mut damaged = bytes.clone();
        damaged[CHUNK_BYTES] ^= 1;
        for content in [&damaged[..], &bytes[1..], b""] {
            fs::write(&path, content).expect("writable");
            assert_eq!(read(&cache, "k"), None);
            assert!(!path.exists());
            cache.put("k", &pieces(&bytes));
            assert_eq!(read(&cache, "k").as_ref(), Some(&bytes));
        }
        let names: Vec<_> = fs::read_dir(root.path())
            .expect("readable")
            .flatten()
            .map(|e| e.file_name())
            .collect();
        assert_eq!(names, ["k"]);
        let off = TokenCache::new(Some(OFF));
        off.put("k", &pieces(&bytes));
        assert_eq!(read(&off, "k"), None);
    }

    #[test]
    fn unfinished_entries_of_killed_processes_are_removed() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let path = |name: &str| root.path().join(name);
        for name in [".new-left", ".new-used", ".new-young", ".new-old"] {
            fs::create_dir(path(name)).expect("writable");
            fs::write(path(name).join("tokens"), "half").expect("writable");
        }
        File::create(path(".new-left").join(LOCK_FILE)).expect("writable");
        let used = File::create(path(".new-used").join(LOCK_FILE)).expect("writable");
        used.try_lock().expect("free");
        let long_ago = SystemTime::now() - 2 * MAX_UNLOCKED_AGE;
        File::open(path(".new-old"))
            .and_then(|folder| folder.set_modified(long_ago))
            .expect("writable");
        TokenCache::new(root.path().to_str()).put("k", &pieces(b"tokens"));
        let entries = fs::read_dir(root.path()).expect("readable").flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        assert_eq!(names, [".new-used", ".new-young", "k"]);
        assert!(!path("k").join(LOCK_FILE).exists());
    }

    #[test]
    fn temporary_storage_reads_back_what_was_written() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let cache = TokenCache::new(root.path().to_str());
        for n in [10, MAX_IN_MEMORY_BYTES / 1000 + 10] {
            let mut scratch = cache.scratch();
            (0..n).for_each(|i| scratch.append(&[i as u8; 1000]).expect("room"));
            let mut out = [0; 2000];
            scratch.read_at(3500, &mut out).expect("there");
            assert_eq!((out[0], out[500], out[1500]), (3, 4, 5));
            assert!(scratch.read_at(n as u64 * 1000 - 1, &mut out).is_err());
        }
    }
}
