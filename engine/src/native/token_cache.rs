//! Tokens of large corpora on a disk: scratch files while they are made, and entries that later runs find again. An entry
//! is written whole or not at all, and every byte of it is checked when it is found.

use super::checkpoints::digest;
use super::lock::LOCK_FILE;
use super::output;
use super::store::{remove, shown};
use crate::data::{ReadAt, TempStorage};
use crate::session::CacheEntry;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

/// Lists the pieces of an entry.
const MANIFEST_FILE: &str = "manifest.json";
/// Bytes of all entries that stay: the newest ones.
const MAX_CACHED_BYTES: u64 = 20 << 30;
/// Bytes of a scratch that are held in memory before it becomes a file.
const MAX_HELD_BYTES: usize = 32 << 20;
/// Bytes copied at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// Start of the name of an entry that is being made.
const UNFINISHED: &str = ".new-";
/// Age from which an unfinished entry without a lock is taken for one that a killed process left.
const MAX_UNLOCKED_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// What turns the cache off.
const OFF: &str = "off";

/// Where tokens are kept.
pub(super) struct TokenCache {
    /// `None` where nothing is kept.
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
    /// The cache in the folder `given`, where that is given, else in the platform's folder for such; `off` for none.
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

    /// A place for bytes on their way: memory for a few, else a file that vanishes with it.
    pub fn scratch(&self) -> Box<dyn TempStorage> {
        // Where the cache is no folder yet and cannot become one, the system's own folder must do.
        let folder = self
            .root
            .clone()
            .filter(|root| fs::create_dir_all(root).is_ok());
        let folder = folder.unwrap_or_else(std::env::temp_dir);
        Box::new(Spool(RefCell::new(tempfile::spooled_tempfile_in(
            MAX_HELD_BYTES,
            folder,
        ))))
    }

    /// The pieces under `key`, if all of them are there and whole.
    pub fn get(&self, key: &str) -> Option<Vec<CacheEntry>> {
        let folder = self.root.as_ref()?.join(key);
        let manifest = fs::read(folder.join(MANIFEST_FILE)).ok()?;
        match open(&folder, &manifest) {
            Ok(pieces) => {
                // When an entry was last of use decides which one makes way; not knowing it does no harm.
                let _ = touch(&folder);
                Some(pieces)
            }
            Err(error) => {
                let path = shown(&folder);
                output::to_people(&format!(
                    "warning: the tokens kept in {path} are damaged ({error}); they are made again"
                ));
                // What stays is found damaged again.
                let _ = remove(&folder);
                None
            }
        }
    }

    /// Keeps `pieces` under `key`. What cannot be kept is made again another time.
    pub fn put(&self, key: &str, pieces: &[CacheEntry]) {
        let Some(root) = &self.root else { return };
        sweep(root);
        match write(root, key, pieces) {
            Ok(()) => prune(root, key),
            Err(error) => output::to_people(&format!(
                "warning: the tokens of this corpus are not kept: {error}"
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
                "{} is not what was written",
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
    let made = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(root)?;
    let in_use = File::create_new(made.path().join(LOCK_FILE))?;
    in_use.try_lock()?;
    let mut entries = Vec::new();
    for CacheEntry { name, size, bytes } in pieces {
        let path = made.path().join(name);
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
        made.path().join(MANIFEST_FILE),
        serde_json::to_vec_pretty(&Manifest { pieces: entries })?,
    )?;
    let target = root.join(key);
    if target.exists() {
        return Ok(());
    }
    // Some platforms do not rename a folder with an open file.
    drop(in_use);
    fs::remove_file(made.path().join(LOCK_FILE))?;
    fs::rename(made.path(), &target)?;
    let _ = made.keep();
    Ok(())
}

/// Removes the entries that a killed process left unfinished: those that nobody holds a lock in.
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
        .filter(|folder| is_left(folder))
    {
        // What stays is found again.
        let _ = remove(&folder);
    }
}

/// Whether nobody works in an unfinished entry. One without a lock has just been made, or is of an older version.
fn is_left(folder: &Path) -> bool {
    match File::options().write(true).open(folder.join(LOCK_FILE)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => {
            let made = fs::metadata(folder).and_then(|found| found.modified());
            made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > MAX_UNLOCKED_AGE))
        }
    }
}

/// Removes the entries that were longest of no use, until the others fit.
fn prune(root: &Path, newest: &str) {
    let size = |folder: &Path| {
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        files
            .filter_map(|file| Some(file.metadata().ok()?.len()))
            .sum::<u64>()
    };
    let used = |folder: &Path| {
        fs::metadata(folder.join(MANIFEST_FILE)).and_then(|manifest| manifest.modified())
    };
    let folders = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut entries: Vec<(SystemTime, PathBuf)> = folders
        .filter_map(|folder| Some((used(&folder).ok()?, folder)))
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
            output::to_people(&format!(
                "warning: the old tokens in {} stay: {error}",
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

/// A file that is only read.
struct OnDisk(File);

impl ReadAt for OnDisk {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        (&self.0).seek(SeekFrom::Start(offset))?;
        (&self.0).read_exact(out)
    }
}

/// A scratch in memory or in a file without name.
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
    fn an_entry_is_found_whole_or_not_at_all() {
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
    fn what_a_killed_process_left_unfinished_is_swept() {
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
    fn a_scratch_gives_back_what_it_took_wherever_it_lies() {
        let root = tempfile::tempdir().expect("a scratch folder");
        let cache = TokenCache::new(root.path().to_str());
        for n in [10, MAX_HELD_BYTES / 1000 + 10] {
            let mut scratch = cache.scratch();
            (0..n).for_each(|i| scratch.append(&[i as u8; 1000]).expect("room"));
            let mut out = [0; 2000];
            scratch.read_at(3500, &mut out).expect("there");
            assert_eq!((out[0], out[500], out[1500]), (3, 4, 5));
            assert!(scratch.read_at(n as u64 * 1000 - 1, &mut out).is_err());
        }
    }
}
