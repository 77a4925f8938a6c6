//! Assembles the static site. A reader of `dist/` sees the old site or the new one, never a
//! mixture.

use super::stamp::remove;
use crate::error::Error;
use crate::mode::Mode;
use crate::project::Project;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Puts `index.html`, `public/` and the binaries' files at the root of `dist/`.
/// Only a release is stored in the browser: a developer wants to see the newest build.
pub fn assemble(project: &Project, modules: &[PathBuf], mode: Mode) -> Result<(), Error> {
    let next = project.root().join("dist.tmp");
    remove(&next)?;
    std::fs::create_dir_all(&next).map_err(Error::file("create", &next))?;
    copy_file(&project.root().join("index.html"), &next.join("index.html"))?;
    copy_folder(&project.root().join("public"), &next)?;
    for folder in modules {
        copy_folder(folder, &next)?;
    }
    match mode {
        Mode::Release => {
            slim_files(&next)?;
            fill_service_worker(&next)?;
        }
        Mode::Debug => remove(&next.join(SERVICE_WORKER.0))?,
    }
    replace(&project.dist(), &next)
}

/// Removes comments and indentation from the style sheets and the generated glue: 2.5 kB of the page
/// after brotli (measured).
fn slim_files(site: &Path) -> Result<(), Error> {
    for path in super::size::files(site)? {
        let name = path.file_name().unwrap_or_default();
        let is_glue = ["page.js", "engine.js", "unpack.js"]
            .iter()
            .any(|glue| name == *glue)
            || name.to_string_lossy().starts_with("later-");
        if is_glue || path.extension().is_some_and(|ending| ending == "css") {
            let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
            std::fs::write(&path, slim(&text)).map_err(Error::file("write", &path))?;
        }
    }
    Ok(())
}

/// Removes block comments that begin a line, and the indentation of all others.
fn slim(text: &str) -> String {
    let mut slim = String::with_capacity(text.len());
    let mut in_comment = false;
    for line in text.lines().map(str::trim_start) {
        in_comment |= line.starts_with("/*");
        if !in_comment && !line.is_empty() {
            slim.push_str(line);
            slim.push('\n');
        }
        in_comment &= !line.trim_end().ends_with("*/");
    }
    slim
}

/// The worker's script and the line that lists the files of the site.
const SERVICE_WORKER: (&str, &str) = ("service-worker.js", "const FILES = {};");

/// Lists the files of a site with their digests in its service worker: a browser stores them, and
/// notices a new build by the changed script.
fn fill_service_worker(site: &Path) -> Result<(), Error> {
    let (name, line) = SERVICE_WORKER;
    let script = site.join(name);
    let text = std::fs::read_to_string(&script).map_err(Error::file("read", &script))?;
    assert!(text.contains(line), "{name} has the line that is filled in");
    let mut entries = Vec::new();
    for path in super::size::files(site)? {
        let relative = path.strip_prefix(site).expect("it lies in the site");
        let relative = relative.to_string_lossy().replace('\\', "/");
        // Servers read `_headers`, and do not serve it.
        if relative != name && relative != "_headers" {
            let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
            entries.push(format!("  '{relative}': '{}',\n", sha256(&bytes)));
        }
    }
    let list = format!("const FILES = {{\n{}}};", entries.concat());
    std::fs::write(&script, text.replacen(line, &list, 1)).map_err(Error::file("write", &script))
}

/// Returns the SHA-256 digest as browsers compute it, in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Copies a folder recursively into another one.
pub fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(to).map_err(Error::file("create", to))?;
    for entry in std::fs::read_dir(from).map_err(Error::file("read", from))? {
        let path = entry.map_err(Error::file("read", from))?.path();
        let target = to.join(path.file_name().expect("an entry of a folder has a name"));
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            copy_file(&path, &target)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::copy(from, to)
        .map(drop)
        .map_err(Error::file("copy", from))
}

/// Replaces `site` by `next`, by renaming.
fn replace(site: &Path, next: &Path) -> Result<(), Error> {
    let old = site.with_extension("old");
    remove(&old)?;
    if site.exists() {
        std::fs::rename(site, &old).map_err(Error::file("rename", site))?;
    }
    std::fs::rename(next, site).map_err(Error::file("rename", next))?;
    remove(&old)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }

    #[test]
    fn comments_and_indentation_are_removed() {
        let text = "/* One\n   comment. */\na {\n  b: c; /* kept */\n\n  /** d */\n  e: f;\n}\n";
        assert_eq!(slim(text), "a {\nb: c; /* kept */\ne: f;\n}\n");
    }

    #[test]
    fn service_worker_lists_the_files_of_the_site() {
        let site = std::env::temp_dir().join(format!("clozelab-list-{}", std::process::id()));
        std::fs::create_dir_all(site.join("bundle")).expect("created");
        let (name, line) = SERVICE_WORKER;
        for (file, text) in [("bundle/a.txt", "abc"), ("_headers", "x"), (name, line)] {
            std::fs::write(site.join(file), text).expect("written");
        }
        fill_service_worker(&site).expect("filled");
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = format!("const FILES = {{\n  'bundle/a.txt': '{digest}',\n}};");
        assert_eq!(read(&site.join(name)), Some(expected));
        remove(&site).expect("removed");
    }

    #[test]
    fn new_site_replaces_the_old_one_completely() {
        let root = std::env::temp_dir().join(format!("clozelab-site-{}", std::process::id()));
        let (site, next) = (root.join("dist"), root.join("dist.tmp"));
        for (folder, file) in [(&site, "old"), (&next, "new/deep")] {
            let path = folder.join(file);
            std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("created");
            std::fs::write(path, file).expect("written");
        }
        replace(&site, &next).expect("replaced");
        assert_eq!(read(&site.join("new/deep")).as_deref(), Some("new/deep"));
        assert!(!site.join("old").exists() && !next.exists() && !root.join("dist.old").exists());
        copy_folder(&site, &root.join("copy")).expect("copied");
        assert_eq!(
            read(&root.join("copy/new/deep")).as_deref(),
            Some("new/deep")
        );
        remove(&root).expect("removed");
    }
}
