//! Paths in `run.json`. A path that is valid UTF-8 is written as a string. Any other, such as a
//! file name from an old archive, is written as an object with percent-encoded bytes (RFC 3986,
//! section 2.1), so that the file is found again.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The JSON form of a path.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    /// A path that is valid UTF-8.
    Text(String),
    /// Percent-encoded bytes of a path that is not valid UTF-8.
    Bytes { percent_encoded: String },
}

impl Written {
    fn of(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.into()),
            None => Self::Bytes {
                percent_encoded: percent_encoded(path.as_os_str().as_encoded_bytes()),
            },
        }
    }

    fn into_path(self) -> PathBuf {
        match self {
            Self::Text(text) => text.into(),
            Self::Bytes { percent_encoded } => os_string(percent_decoded(&percent_encoded)).into(),
        }
    }
}

/// Serialises a path, for `#[serde(with)]`.
///
/// # Errors
/// The errors of `serializer`.
pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    Written::of(path).serialize(serializer)
}

/// Deserialises a path, for `#[serde(with)]`.
///
/// # Errors
/// The errors of `deserializer`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Written::deserialize(deserializer).map(Written::into_path)
}

/// The same for an optional path.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, PathBuf, Serialize, Serializer, Written};

    /// Serialises an optional path, for `#[serde(with)]`.
    ///
    /// # Errors
    /// The errors of `serializer`.
    pub fn serialize<S: Serializer>(
        path: &Option<PathBuf>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        path.as_deref().map(Written::of).serialize(serializer)
    }

    /// Deserialises an optional path, for `#[serde(with)]`.
    ///
    /// # Errors
    /// The errors of `deserializer`.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<Written>::deserialize(deserializer)?.map(Written::into_path))
    }
}

fn percent_encoded(bytes: &[u8]) -> String {
    let one = |&byte: &u8| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

/// Decodes percent-encoded bytes. A percent sign that is not followed by two hexadecimal digits
/// stands for itself.
fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (mut rest, mut bytes) = (text.as_bytes(), Vec::new());
    while let [first, after @ ..] = rest {
        let digits = match rest {
            [b'%', high, low, ..] => digit(high).zip(digit(low)),
            _ => None,
        };
        if let Some((high, low)) = digits {
            bytes.push((16 * high + low) as u8);
            rest = &rest[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

/// File names are not bytes on this platform, so invalid UTF-8 is replaced.
#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Paths {
        #[serde(with = "super")]
        one: PathBuf,
        #[serde(
            default,
            with = "super::optional",
            skip_serializing_if = "Option::is_none"
        )]
        maybe: Option<PathBuf>,
    }

    fn json_of(one: PathBuf, maybe: Option<PathBuf>) -> String {
        let paths = Paths { one, maybe };
        let json = serde_json::to_string(&paths).expect("paths are plain data");
        assert_eq!(
            serde_json::from_str::<Paths>(&json).expect("its own"),
            paths,
            "{json}"
        );
        json
    }

    #[test]
    fn utf8_paths_are_written_as_strings() {
        assert_eq!(
            json_of("a/b %41.txt".into(), None),
            r#"{"one":"a/b %41.txt"}"#
        );
        assert_eq!(
            json_of("é".into(), Some("x".into())),
            r#"{"one":"é","maybe":"x"}"#
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf8_is_read_back() {
        let path = |bytes: &[u8]| PathBuf::from(os_string(bytes.to_vec()));
        let json = json_of(path(b"a/caf\xe9 100%25.txt"), Some(path(b"\xff")));
        let expected = r#"{"one":{"percent_encoded":"a/caf%E9 100%2525.txt"},"maybe":{"percent_encoded":"%FF"}}"#;
        assert_eq!(json, expected);
        let all: Vec<u8> = (1..=255).collect();
        json_of(path(&all), None);
    }

    #[test]
    fn a_stray_percent_sign_stands_for_itself() {
        assert_eq!(percent_decoded("100%"), b"100%");
        assert_eq!(percent_decoded("%zz%é%+4%4"), "%zz%é%+4%4".as_bytes());
    }
}
