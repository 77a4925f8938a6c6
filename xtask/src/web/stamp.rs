//! Skips work whose input is unchanged: a digest of the input is stored beside the result.

use crate::error::Error;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Returns the digest of an input, made of several parts.
pub fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes every write");
            text
        })
}

/// Fills the folder `result` by calling `work`, unless that was already done for this digest.
/// Failed or interrupted work leaves no stamp and is repeated.
pub fn unless_done(
    result: &Path,
    digest: &str,
    work: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let stamp = result.with_extension("stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == digest) {
        return Ok(result.to_path_buf());
    }
    for leftover in [result, &stamp] {
        remove(leftover)?;
    }
    std::fs::create_dir_all(result).map_err(Error::file("create", result))?;
    work(result)?;
    std::fs::write(&stamp, digest).map_err(Error::file("write", &stamp))?;
    Ok(result.to_path_buf())
}

/// Removes a file or a folder if it exists.
pub fn remove(path: &Path) -> Result<(), Error> {
    let gone = if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    match gone {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_repeated_only_for_new_input_or_after_a_failure() {
        let result = std::env::temp_dir()
            .join(format!("clozelab-stamp-{}", std::process::id()))
            .join("result");
        let mut count = 0;
        let mut run = |digest: &str, ok: bool| {
            let done = unless_done(&result, digest, |_| {
                count += 1;
                if ok {
                    Ok(())
                } else {
                    Err(Error::Usage {
                        message: "no".into(),
                    })
                }
            });
            (done.is_ok(), count)
        };
        assert_eq!(run("a", true), (true, 1));
        assert_eq!(run("a", true), (true, 1));
        assert_eq!(run("b", false), (false, 2));
        assert_eq!(
            run("a", true),
            (true, 3),
            "the failed work had emptied the folder"
        );
        remove(result.parent().expect("it has a parent")).expect("the folder can be removed");
    }

    #[test]
    fn digest_separates_parts() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
        assert_eq!(digest(&[b"ab"]).len(), 64);
    }
}
