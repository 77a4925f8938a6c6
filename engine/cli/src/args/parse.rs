//! Parsing of single values; an error names the flag.

use engine::error::Error;
use protocol::{RunConfig, Setting, message};
use std::path::Path;

/// Reads the file that a flag names as text.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub fn text_of(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::Input {
        code: "unreadable-input",
        message: message!(
            "{path} cannot be read: {error}",
            path = path.display().to_string().escape_debug().to_string(),
            error = error.to_string()
        ),
        hint: message!("Check the path and its permissions."),
    })
}

/// Sets a field of `config` to the text of its flag.
///
/// # Errors
/// Returns an error if the value cannot be parsed.
pub fn set_given(config: &mut RunConfig, key: &str, value: &str) -> Result<(), Error> {
    config.set(key, value).map_err(|error| Error::Input {
        code: "bad-argument",
        message: message!(
            "--{key}: {message}",
            key = error.key,
            message = error
                .message
                .to_string()
                .escape_debug()
                .to_string()
                .replace("\\\"", "\"")
        ),
        hint: message!(
            "Run the command with {help} to see what each flag takes.",
            help = Setting::named("help")
        ),
    })
}

/// Parses the comma-separated numbers of a flag.
///
/// # Errors
/// Returns an error that names the flag if one is not a number.
pub fn numbers(flag: &str, list: &str) -> Result<Vec<f64>, Error> {
    list.split(',').map(|text| number(flag, text)).collect()
}

/// Parses the number of a flag.
///
/// # Errors
/// Returns an error that names the flag if the text is not a number.
pub fn number<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, Error> {
    text.trim().parse().map_err(|_| Error::Input {
        code: "bad-argument",
        message: message!(
            "--{flag}: \"{native}\" is not a valid number",
            flag,
            native = crate::terminal::output::plain(text)
        ),
        hint: message!(
            "Run the command with {help} to see what each flag takes.",
            help = Setting::named("help")
        ),
    })
}
