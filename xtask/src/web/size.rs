//! Download sizes: each file of the site, raw and compressed with brotli at its best quality (as
//! served by a static host), and the limits that fail the build.

use super::stamp::digest;
use crate::error::Error;
use crate::over_budget::{OverBudget, kilobytes};
use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};

/// Best quality of brotli.
const QUALITY: i32 = 11;

/// A file that shrinks by less than this many bytes is sent as it is.
const MIN_SAVING: usize = 256;

/// Largest window that every browser supports, as a power of two.
const WINDOW: i32 = 24;

/// A size limit, in kilobytes of 1000 bytes after brotli.
#[derive(Debug)]
pub struct Budget {
    /// Name of the part of the site.
    pub what: &'static str,
    /// Limit in kilobytes.
    pub kilobytes: u64,
}

/// Sizes of the site's files.
pub struct Table {
    rows: Vec<Row>,
}

struct Row {
    path: PathBuf,
    raw: u64,
    packed: u64,
}

impl Table {
    /// Measures every file of a site, and stores the compressed form of those that shrink beside
    /// them, as `.br`, for servers that send it. `memory` is a folder with earlier results by digest.
    pub fn weigh(site: &Path, memory: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(memory).map_err(Error::file("create", memory))?;
        let mut rows = Vec::new();
        for path in files(site)? {
            let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
            let stored = memory.join(format!("{}.br", digest(&[&bytes])));
            let packed = match std::fs::read(&stored) {
                Ok(packed) => packed,
                Err(_) => {
                    let packed = packed(&bytes);
                    std::fs::write(&stored, &packed).map_err(Error::file("write", &stored))?;
                    packed
                }
            };
            if packed.len() + MIN_SAVING < bytes.len() {
                let mut target = path.clone().into_os_string();
                target.push(".br");
                std::fs::write(&target, &packed).map_err(Error::file("write", &path))?;
            }
            let path = path
                .strip_prefix(site)
                .expect("it lies in the site")
                .to_path_buf();
            rows.push(Row {
                path,
                raw: bytes.len() as u64,
                packed: packed.len() as u64,
            });
        }
        Ok(Self { rows })
    }

    /// Checks a part of the site against its budget.
    ///
    /// # Errors
    /// Returns [`Error::OverBudget`] if the part is larger.
    pub fn check(&self, budget: &Budget, belongs: fn(&Path) -> bool) -> Result<(), Error> {
        let bytes = self
            .rows
            .iter()
            .filter(|row| belongs(&row.path))
            .map(|row| row.packed)
            .sum();
        let limit = budget.kilobytes * 1000;
        if bytes > limit {
            return Err(Error::OverBudget(OverBudget {
                what: budget.what,
                bytes,
                limit,
            }));
        }
        eprintln!(
            "xtask: {}: {} of {} kB after brotli",
            budget.what,
            kilobytes(bytes),
            budget.kilobytes
        );
        Ok(())
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:>12} {:>12}  file", "kB", "kB brotli")?;
        for row in &self.rows {
            writeln!(
                f,
                "{:>12} {:>12}  {}",
                kilobytes(row.raw),
                kilobytes(row.packed),
                row.path.display()
            )?;
        }
        Ok(())
    }
}

/// Returns whether the engine's worker loads this file.
pub fn is_engine(path: &Path) -> bool {
    ["engine.js", "engine_bg.wasm", "worker.js"]
        .iter()
        .any(|name| path == Path::new(name))
}

/// Returns whether the worker fetches this file to open archives.
pub fn is_unpack(path: &Path) -> bool {
    ["unpack.js", "unpack_bg.wasm"]
        .iter()
        .any(|name| path == Path::new(name))
}

/// Returns whether this file is code or style that the page needs before it can be used. The
/// service worker is fetched afterwards.
pub fn is_page(path: &Path) -> bool {
    if path == Path::new("service-worker.js") {
        return false;
    }
    let code = path
        .extension()
        .is_some_and(|ending| ["wasm", "js", "mjs", "css"].iter().any(|e| ending == *e));
    code && !is_engine(path) && !is_unpack(path) && !is_later(path)
}

/// Returns whether this file has panels of the page that are fetched once the first ones are there.
pub fn is_later(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".wasm") && !name.ends_with("_bg.wasm")
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &params)
        .expect("memory takes every read and write");
    packed
}

/// Returns all files of a folder and its subfolders, sorted.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let path = entry.map_err(Error::file("read", folder))?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget {
        what: "page",
        kilobytes: 1,
    };

    fn table(packed: u64) -> Table {
        let row = |name: &str, packed| Row {
            path: name.into(),
            raw: 1,
            packed,
        };
        Table {
            rows: vec![
                row("page_bg.wasm", packed),
                row("engine_bg.wasm", 9999),
                row("bundle/train.txt", 9999),
            ],
        }
    }

    #[test]
    fn files_count_against_the_budget_of_their_part() {
        assert!(table(1000).check(&BUDGET, is_page).is_ok());
        let error = table(1001)
            .check(&BUDGET, is_page)
            .expect_err("one byte too many");
        assert!(
            error
                .to_string()
                .starts_with("the page is 1.0 kB after brotli"),
            "{error}"
        );
    }

    #[test]
    fn sizes_are_cached() {
        let root = std::env::temp_dir().join(format!("clozelab-size-{}", std::process::id()));
        std::fs::create_dir_all(root.join("site/deep")).expect("created");
        std::fs::write(root.join("site/deep/a.js"), "a".repeat(10_000)).expect("written");
        let weigh = || {
            Table::weigh(&root.join("site"), &root.join("memory"))
                .expect("weighed")
                .rows
                .remove(0)
        };
        let first = weigh();
        assert_eq!(
            (first.path.as_path(), first.raw),
            (Path::new("deep/a.js"), 10_000)
        );
        assert!(
            first.packed < 100,
            "brotli makes {} bytes of one repeated letter",
            first.packed
        );
        let beside = std::fs::read(root.join("site/deep/a.js.br")).expect("for the server");
        assert_eq!(beside.len() as u64, first.packed);
        std::fs::remove_file(root.join("site/deep/a.js.br")).expect("removed");
        let stored = std::fs::read_dir(root.join("memory"))
            .expect("a folder")
            .next();
        let stored = stored.expect("a file").expect("readable").path();
        std::fs::write(stored, [0; 77]).expect("written");
        assert_eq!(weigh().packed, 77, "the second time it is looked up");
        std::fs::remove_dir_all(root).expect("removed");
    }
}
