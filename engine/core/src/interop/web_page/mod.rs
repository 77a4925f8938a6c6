//! A model as one web page that works offline: the model's files and inference code in
//! JavaScript, which computes the same predictions as this engine.
//!
//! The page reads files as `LoadedModel::to_files` writes them; it knows nothing of other layouts of
//! a Hugging Face directory. Its content security policy allows no request.

use super::{
    CARD_FILE, CLASSIFIER_FILE, CONFIG_FILE, InteropError, WEIGHTS_FILE, check_weights,
    config_from_json, weights_from_bytes,
};
use crate::data::{missing_values, older_unicode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::message;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Scripts of the worker that computes predictions, in order.
const INFERENCE: [&str; 5] = [
    include_str!("tensors.js"),
    include_str!("tokenizer.js"),
    include_str!("network.js"),
    include_str!("linear.js"),
    include_str!("model.js"),
];
/// Scripts of the page itself, in order.
const PAGE: [&str; 4] = [
    include_str!("table.js"),
    include_str!("page.js"),
    include_str!("files.js"),
    include_str!("start.js"),
];
const STYLE: &str = include_str!("style.css");
const TEMPLATE: &str = include_str!("page.html");
const TOKENIZER_FILE: &str = "tokenizer.json";
/// Maximum size of a model: in base64 it has to fit into one string of a browser, which holds about
/// 537 million characters in Chromium.
const MAX_BYTES: usize = 380 << 20;

/// Returns the page of a model with these `files`, as `LoadedModel::to_files` returns them. `title`
/// is the heading; by default, it names the kind of model.
///
/// # Errors
/// Returns an error if the files are not a complete model, or too large for a page.
pub fn web_page(title: Option<&str>, files: &[(String, Vec<u8>)]) -> Result<String, InteropError> {
    if files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > MAX_BYTES {
        return Err(InteropError::Unsupported {
            reason: message!(
                "a model of more than {limit} MB does not fit into a web page",
                limit = MAX_BYTES >> 20
            ),
        });
    }
    let file = |wanted: &str| {
        let found = files.iter().find(|(name, _)| name == wanted);
        found.map(|(_, bytes)| bytes.as_slice()).unwrap_or_default()
    };
    let config = config_from_json(file(CONFIG_FILE))?;
    let heads = check_weights(&config, &weights_from_bytes(file(WEIGHTS_FILE))?)?.heads;
    let title = title.unwrap_or(if heads.classifier {
        "Text classifier"
    } else {
        "Masked language model"
    });
    let model = json!({
        "files": packed(files)?,
        "card": card(file(CARD_FILE)),
        "fills_masks": heads.masked_lm,
        "unicode": older_unicode(),
        "missing": missing_values().collect::<Vec<_>>(),
    });
    // `<` could end the element or begin a comment.
    let model = model.to_string().replace('<', "\\u003c");
    let script = PAGE.join("\n");
    let policy = format!(
        "default-src 'none'; script-src {script}; style-src {style}; worker-src blob:; \
         img-src data:; base-uri 'none'; form-action 'none'",
        script = source(&script),
        style = source(STYLE),
    );
    let parts = [
        ("policy", policy.as_str()),
        ("title", &escaped(title)),
        ("style", STYLE),
        ("model", &model),
        ("inference", &INFERENCE.join("\n")),
        ("page", &script),
    ];
    Ok(filled(TEMPLATE, &parts))
}

/// Returns the files that the page reads, by name: JSON as such, weights in base64.
fn packed(files: &[(String, Vec<u8>)]) -> Result<Map<String, Value>, InteropError> {
    let mut packed = Map::new();
    for (name, bytes) in files {
        let value = match name.as_str() {
            CONFIG_FILE | CLASSIFIER_FILE | TOKENIZER_FILE => json_of(name, bytes)?,
            _ if name.ends_with(".safetensors") => STANDARD.encode(bytes).into(),
            _ => continue,
        };
        packed.insert(name.clone(), value);
    }
    Ok(packed)
}

fn json_of(name: &str, bytes: &[u8]) -> Result<Value, InteropError> {
    serde_json::from_slice(bytes).map_err(|error| InteropError::Archive {
        reason: message!("{name}: {error}", name, error = error.to_string()),
    })
}

/// Returns the text of a model card without its metadata and the sections about its files.
fn card(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let body = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"));
    let body = body.map_or(text.as_ref(), |(_, body)| body);
    let mut sections = body.split("\n## ");
    let first = sections.next().unwrap_or_default();
    let is_about_files =
        |section: &&str| section.starts_with("Use\n") || section.starts_with("What these files");
    let others = sections.filter(|section| !is_about_files(section));
    let kept: Vec<&str> = [first].into_iter().chain(others).collect();
    kept.join("\n## ").trim().into()
}

/// Returns the source expression by which a content security policy allows `code`.
fn source(code: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(code)))
}

fn escaped(text: &str) -> String {
    let entities = [
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('>', "&gt;"),
        ('"', "&quot;"),
    ];
    text.chars()
        .map(|c| {
            let entity = entities.iter().find(|(special, _)| *special == c);
            entity.map_or_else(|| c.to_string(), |(_, entity)| (*entity).into())
        })
        .collect()
}

/// Replaces each `{{name}}` of the template once; values are not searched again.
fn filled(template: &str, parts: &[(&str, &str)]) -> String {
    let mut page = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the template is ours");
        let part = parts.iter().find(|(part, _)| *part == name);
        page.push_str(before);
        page.push_str(part.expect("the template names known parts").1);
        rest = after;
    }
    page + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_markup_stays_text() {
        assert_eq!(
            escaped("<b>\"R&D\"</b>"),
            "&lt;b&gt;&quot;R&amp;D&quot;&lt;/b&gt;"
        );
    }

    #[test]
    fn values_are_not_searched_for_placeholders() {
        let parts = [("title", "{{model}}"), ("model", "m")];
        assert_eq!(filled("a {{title}} b {{model}}", &parts), "a {{model}} b m");
    }

    #[test]
    fn scripts_do_not_end_their_element() {
        for code in INFERENCE.iter().chain(&PAGE) {
            assert!(!code.contains("</script") && !code.contains("<!--"));
            // A browser normalises line ends before it computes the digest.
            assert!(!code.contains('\r'));
        }
        assert!(!STYLE.contains("</style") && !STYLE.contains('\r'));
    }

    #[test]
    fn a_card_loses_what_is_about_its_files() {
        let text = "---\nlicense: x\n---\n\n# Title\n\n## Use\n\ncode\n\n## Scores\n\n1\n";
        assert_eq!(card(text.as_bytes()), "# Title\n\n## Scores\n\n1");
        assert_eq!(card(b"# Title"), "# Title");
    }
}
