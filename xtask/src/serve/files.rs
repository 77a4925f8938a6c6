//! Maps the target of a request to a file in the served folder, and determines its media type.

use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Returns the file that a request refers to if it is inside the folder. Links to files outside are
/// not followed.
pub fn find(folder: &Path, target: &str) -> Option<PathBuf> {
    let path = decode(target.split(['?', '#']).next()?)?;
    let relative = Path::new(path.trim_start_matches('/'));
    if path.contains(['\\', '\0'])
        || !relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    let mut file = folder.join(relative);
    if file.is_dir() {
        file.push("index.html");
    }
    let (file, folder) = (file.canonicalize().ok()?, folder.canonicalize().ok()?);
    (file.starts_with(folder) && file.is_file()).then_some(file)
}

/// Returns the compressed form of a file, unless it is older than the file.
pub fn packed(path: &Path) -> Option<PathBuf> {
    let mut packed = path.as_os_str().to_owned();
    packed.push(".br");
    let packed = PathBuf::from(packed);
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let is_current = changed(&packed)? >= changed(path)?;
    is_current.then_some(packed)
}

/// Returns the entity tag of a file (RFC 9110, section 8.8.3): its size, the time of its last change
/// and whether it is compressed.
pub fn version(data: &Metadata, is_packed: bool) -> String {
    let changed = data.modified().ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanos = changed.map_or(0, |time| time.as_nanos());
    let suffix = if is_packed { "-br" } else { "" };
    format!("\"{:x}-{nanos:x}{suffix}\"", data.len())
}

/// Percent-decodes a text; `None` if it is malformed or not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            16 * digit(rest.next()?)? + digit(rest.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// Returns the media type of a file by its extension.
pub fn media_type(path: &Path) -> &'static str {
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "gz" => "application/gzip",
        "zip" => "application/zip",
        "safetensors" | "bin" => "application/octet-stream",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::site;

    #[test]
    fn files_outside_the_folder_are_not_found() {
        let site = site("files");
        for inside in [
            "/",
            "/index.html",
            "/index.html?seed=3",
            "/bundle/a%20b.txt",
        ] {
            assert!(find(&site, inside).is_some(), "{inside}");
        }
        let outside = [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/bundle/..%2f..%2fsecret.txt",
            "/..\\secret.txt",
            "/link.txt",
            "//etc/passwd/../passwd",
            "/bundle",
            "/absent.txt",
            "/index.html%00",
            "/%zz",
            "/%f",
        ];
        for target in outside {
            assert_eq!(find(&site, target), None, "{target}");
        }
    }

    #[test]
    fn media_types_follow_the_extension() {
        assert_eq!(media_type(Path::new("engine_bg.wasm")), "application/wasm");
        assert_eq!(
            media_type(Path::new("page.js")),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(
            media_type(Path::new("LICENSE.wordnet")),
            "text/plain; charset=utf-8"
        );
    }
}
