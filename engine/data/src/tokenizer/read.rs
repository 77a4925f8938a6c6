//! Reads a tokenizer from the files of a Hugging Face model directory, as `transformers` does. The
//! files are not trusted: the number of ids is limited, since an id beyond the embedding table is
//! an unchecked read on a GPU; the special tokens must be present; and every part must be one that
//! runs here in linear time (no regular expression of the file is ever executed).

use super::Tokenizer;
use super::added::AddedToken;
use super::model::Model;
use super::normalize::{Normalization, Splitting};
use super::settings::{self, Settings};
use super::vocabulary::{SPECIAL_NAMES, Vocabulary, VocabularyError};
use super::wordpiece::{MAX_WORD_CHARS, PREFIX, WordPiece};
use super::write::{ADDED_TOKENS, EACH_CHARACTER};
use crate::error::DataError;
use crate::text::shown::on_one_line;
use crate::text::shown::quoted;
use protocol::{Message, message};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

const TOKENIZER_JSON: &str = "tokenizer.json";
const VOCAB_TXT: &str = "vocab.txt";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Maximum word length of a model that is read: matching costs its square per word. BERT's is 100.
const MAX_READ_WORD_CHARS: usize = 1000;
/// Maximum length of the subword prefix, which is copied for each piece of a word. BERT's has 2
/// characters.
const MAX_PREFIX_CHARS: usize = 16;
/// Maximum length of an added token, which may be compared in full at each position of a text.
const MAX_ADDED_CHARS: usize = 500;
/// Maximum number of ids: twice that of the largest multilingual vocabularies.
const MAX_ROWS: u64 = 1 << 20;

impl Tokenizer {
    /// Reads a tokenizer. `file` returns the content of a file in the directory, or `None` if there
    /// is no such file. `tokenizer.json` takes precedence, with the settings of
    /// `tokenizer_config.json`; without it, `vocab.txt` is read, as in older models.
    ///
    /// # Errors
    /// Returns an error if there is no tokenizer, or it is inconsistent or of an unsupported kind.
    pub fn from_files(file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Self, DataError> {
        let settings = settings(file)?;
        if let Some(bytes) = file(TOKENIZER_JSON) {
            return from_json(&bytes, &settings, file);
        }
        let vocab = file(VOCAB_TXT).ok_or(DataError::NoTokenizer)?;
        from_vocab(&vocab, &settings, file)
    }

    /// Returns whether these files do not state the case and `vocab.txt` is read as cased because
    /// it contains upper case.
    pub fn infers_case(file: &dyn Fn(&str) -> Option<Vec<u8>>) -> bool {
        let is_open = settings(file).is_ok_and(|settings| settings.lowercase().is_none());
        let vocab = if is_open && file(TOKENIZER_JSON).is_none() {
            file(VOCAB_TXT)
        } else {
            None
        };
        vocab
            .is_some_and(|vocab| settings::has_upper_case(&lines(&String::from_utf8_lossy(&vocab))))
    }
}

fn settings(file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Settings, DataError> {
    let parsed = file(TOKENIZER_CONFIG)
        .map(|bytes| serde_json::from_slice::<Value>(&bytes))
        .transpose();
    Ok(Settings::of(
        parsed
            .map_err(|error| bad(TOKENIZER_CONFIG, invalid_json(&error)))?
            .unwrap_or(Value::Null),
    ))
}

#[derive(Deserialize)]
struct TokenizerJson {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    model: ModelJson,
}

#[derive(Deserialize)]
struct ModelJson {
    #[serde(rename = "type")]
    kind: Option<String>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    max_input_chars_per_word: Option<usize>,
    #[serde(default)]
    vocab: Pairs,
}

/// A JSON object as written, so that duplicate keys are seen; empty for the lists of other model
/// types.
#[derive(Default)]
struct Pairs(Vec<(String, u64)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object of tokens and rows")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pairs, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Pairs::default())
            }
        }
        deserializer.deserialize_any(PairsVisitor)
    }
}

fn from_json(
    bytes: &[u8],
    settings: &Settings,
    file: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Tokenizer, DataError> {
    let json: TokenizerJson =
        serde_json::from_slice(bytes).map_err(|error| bad(TOKENIZER_JSON, invalid_json(&error)))?;
    let model = model(&json.model)?;
    let normalizer = json.normalizer.as_ref().unwrap_or(&Value::Null);
    let normalization = settings.applied(normalization(normalizer)?, normalizer);
    let splitting = splitting(json.pre_tokenizer.as_ref().unwrap_or(&Value::Null))?;
    let added = all_added(json.added_tokens, settings, file)?;
    let (core, added): (Vec<AddedToken>, _) = added.into_iter().partition(is_core);
    let vocabulary = vocabulary(
        TOKENIZER_JSON,
        with_core(by_row(json.model.vocab.0)?, &core),
    )?;
    check_core(&vocabulary, core)?;
    let vocabulary = vocabulary
        .with_added(added, normalization)
        .map_err(|error| refused(TOKENIZER_JSON, error))?;
    Ok(tokenizer(vocabulary, model, normalization, splitting))
}

fn is_core(token: &AddedToken) -> bool {
    SPECIAL_NAMES.contains(&token.content.as_str())
}

/// Adds special tokens that are listed only among the added tokens.
fn with_core(mut tokens: Vec<String>, core: &[AddedToken]) -> Vec<String> {
    for AddedToken { content, id, .. } in core {
        let row = *id as usize;
        if tokens.contains(content) {
            continue;
        }
        tokens.resize(tokens.len().max(row + 1), String::new());
        if tokens[row].is_empty() {
            tokens[row].clone_from(content);
        }
    }
    tokens
}

/// Checks that special tokens that are also listed as added tokens have the same ids there.
fn check_core(vocabulary: &Vocabulary, listed: Vec<AddedToken>) -> Result<(), DataError> {
    let other = |token: &AddedToken| vocabulary.id(&token.content).filter(|id| *id != token.id);
    match listed.iter().find_map(|token| Some((token, other(token)?))) {
        Some((AddedToken { content, id, .. }, other)) => {
            let error = VocabularyError::TwoRows {
                token: content.clone(),
                row: *id,
                other,
            };
            Err(refused(TOKENIZER_JSON, error))
        }
        None => Ok(()),
    }
}

/// Returns all added tokens: those `listed` in `tokenizer.json`, and those that only the other two
/// files contain.
fn all_added(
    mut listed: Vec<AddedToken>,
    settings: &Settings,
    file: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Vec<AddedToken>, DataError> {
    let named: BTreeMap<String, u32> = match file(ADDED_TOKENS) {
        Some(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| bad(ADDED_TOKENS, invalid_json(&error)))?,
        None => BTreeMap::new(),
    };
    let named = named
        .into_iter()
        .map(|(content, id)| AddedToken::plain(content, id));
    let mut known: HashSet<String> = listed.iter().map(|token| token.content.clone()).collect();
    let others = settings.added_tokens().into_iter().chain(named);
    listed.extend(others.filter(|token| known.insert(token.content.clone())));
    let is_long = |token: &&AddedToken| token.content.chars().nth(MAX_ADDED_CHARS).is_some();
    if let Some(token) = listed.iter().find(is_long) {
        let problem = message!(
            "the added token {token} of more than {limit} characters",
            token = quoted(&token.content),
            limit = MAX_ADDED_CHARS
        );
        return Err(unsupported(problem));
    }
    match listed
        .iter()
        .find(|token| token.content.is_empty() || u64::from(token.id) >= MAX_ROWS)
    {
        Some(token) => Err(unsupported(message!(
            "the added token {token} with ID {id}",
            token = quoted(&token.content),
            id = token.id
        ))),
        None => Ok(listed),
    }
}

fn tokenizer(
    vocabulary: Vocabulary,
    model: Model,
    normalization: Normalization,
    splitting: Splitting,
) -> Tokenizer {
    let counts = vec![0; vocabulary.tokens().len()];
    Tokenizer {
        vocabulary,
        model,
        normalization,
        splitting,
        counts,
    }
}

fn model(json: &ModelJson) -> Result<Model, DataError> {
    if json
        .unk_token
        .as_deref()
        .is_some_and(|token| token != "[UNK]")
    {
        return Err(unsupported(message!("an unknown token other than [UNK]")));
    }
    let max_chars = json.max_input_chars_per_word.unwrap_or(MAX_WORD_CHARS);
    let prefix = json.continuing_subword_prefix.clone();
    if prefix
        .as_deref()
        .is_some_and(|prefix| prefix.chars().nth(MAX_PREFIX_CHARS).is_some())
    {
        return Err(unsupported(message!(
            "a subword prefix of more than {limit} characters",
            limit = MAX_PREFIX_CHARS
        )));
    }
    // Files from before 2020 state no type; only WordPiece has a prefix and no merges.
    let kind = json
        .kind
        .as_deref()
        .or(prefix.is_some().then_some("WordPiece"));
    match kind {
        Some("WordPiece") if max_chars > MAX_READ_WORD_CHARS => Err(unsupported(message!(
            "words of up to {max_chars} characters",
            max_chars
        ))),
        Some("WordPiece") => Ok(Model::WordPiece(WordPiece::new(
            prefix.unwrap_or_else(|| PREFIX.into()),
            max_chars,
        ))),
        Some("WordLevel") => Ok(Model::Words),
        _ => Err(unsupported(part_of(
            kind,
            message!("a model of no type"),
            |kind| message!("the model type {kind}", kind),
        ))),
    }
}

/// Describes a part of a tokenizer by its type, or as `untyped`.
fn part_of(kind: Option<&str>, untyped: Message, typed: impl Fn(String) -> Message) -> Message {
    kind.map_or(untyped, |kind| typed(quoted(kind)))
}

fn normalization(json: &Value) -> Result<Normalization, DataError> {
    let flag = |key: &str, default| json.get(key).and_then(Value::as_bool).unwrap_or(default);
    match json.get("type").and_then(Value::as_str) {
        None if json.is_null() => Ok(Normalization::plain(true)),
        Some("Lowercase") => Ok(Normalization::plain(false)),
        Some("BertNormalizer") => Ok(Normalization {
            clean_text: flag("clean_text", true),
            space_chinese: flag("handle_chinese_chars", true),
            strip_accents: flag("strip_accents", flag("lowercase", true)),
            lowercase: flag("lowercase", true),
        }),
        kind => Err(unsupported(part_of(
            kind,
            message!("a normalizer of no type"),
            |kind| message!("the normalizer {kind}", kind),
        ))),
    }
}

fn splitting(json: &Value) -> Result<Splitting, DataError> {
    match json.get("type").and_then(Value::as_str) {
        Some("BertPreTokenizer") => Ok(Splitting::Bert),
        Some("Whitespace") => Ok(Splitting::Words),
        Some("WhitespaceSplit") => Ok(Splitting::Whitespace),
        Some("Sequence") if splits_characters(json) => Ok(Splitting::Characters),
        kind => Err(unsupported(part_of(
            kind,
            message!("a pre-tokenizer of no type"),
            |kind| message!("the pre-tokenizer {kind}", kind),
        ))),
    }
}

/// Returns whether a sequence is the one that `write` produces for character tokenizers.
fn splits_characters(json: &Value) -> bool {
    let steps = json
        .get("pretokenizers")
        .and_then(Value::as_array)
        .map(Vec::as_slice);
    let Some([first, second]) = steps else {
        return false;
    };
    first["type"] == "WhitespaceSplit"
        && second["type"] == "Split"
        && second["pattern"]["Regex"] == EACH_CHARACTER
        && second["behavior"] == "Isolated"
        && second["invert"] == false
}

/// Returns the tokens by id, as `tokenizers` reads them: the last id of a token counts, and ids may
/// be missing.
fn by_row(pairs: Vec<(String, u64)>) -> Result<Vec<String>, DataError> {
    let rows: BTreeMap<&String, u64> = pairs.iter().map(|(token, row)| (token, *row)).collect();
    if let Some((token, row)) = rows.iter().find(|(_, row)| **row >= MAX_ROWS) {
        let problem = message!(
            "{token} has ID {id}, but at most {limit} IDs are allowed",
            token = quoted(token),
            id = row,
            limit = MAX_ROWS
        );
        return Err(bad(TOKENIZER_JSON, problem));
    }
    let mut tokens = vec![String::new(); rows.values().max().map_or(0, |row| *row as usize + 1)];
    for (token, row) in rows.into_iter().filter(|(token, _)| !token.is_empty()) {
        let place = &mut tokens[row as usize];
        if !place.is_empty() {
            return Err(bad(
                TOKENIZER_JSON,
                message!(
                    "ID {id} belongs to two tokens, one of them {token}",
                    id = row,
                    token = quoted(token)
                ),
            ));
        }
        place.push_str(token);
    }
    Ok(tokens)
}

fn from_vocab(
    vocab: &[u8],
    settings: &Settings,
    file: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Tokenizer, DataError> {
    let text = std::str::from_utf8(vocab).map_err(|error| {
        bad(
            VOCAB_TXT,
            message!(
                "it is not UTF-8 ({error})",
                error = on_one_line(&error.to_string())
            ),
        )
    })?;
    let tokens = lines(text);
    if tokens.is_empty() {
        return Err(bad(VOCAB_TXT, message!("it is empty")));
    }
    let normalization = settings.normalization(!settings::has_upper_case(&tokens));
    let (core, added): (Vec<AddedToken>, _) = all_added(Vec::new(), settings, file)?
        .into_iter()
        .partition(is_core);
    let tokens = tokens.into_iter().map(String::from).collect();
    let vocabulary = vocabulary(VOCAB_TXT, with_core(tokens, &core))?;
    let vocabulary = vocabulary
        .with_added(added, normalization)
        .map_err(|error| refused(ADDED_TOKENS, error))?;
    Ok(tokenizer(
        vocabulary,
        Model::WordPiece(WordPiece::default()),
        normalization,
        Splitting::Bert,
    ))
}

/// Returns the tokens of `vocab.txt`; the line number is the id.
fn lines(text: &str) -> Vec<&str> {
    text.strip_prefix('\u{FEFF}')
        .unwrap_or(text)
        .lines()
        .collect()
}

fn vocabulary(file: &str, tokens: Vec<String>) -> Result<Vocabulary, DataError> {
    Vocabulary::new(tokens).map_err(|error| refused(file, error))
}

fn refused(file: &str, error: VocabularyError) -> DataError {
    let problem = match error {
        VocabularyError::Missing { tokens } => {
            message!("it lacks {tokens}", tokens = tokens.join(", "))
        }
        VocabularyError::Taken { token, row, other } => {
            message!(
                "ID {id} belongs to two tokens, {first} and {token}",
                id = row,
                first = quoted(&other),
                token = quoted(&token)
            )
        }
        VocabularyError::TwoRows { token, row, other } => {
            message!(
                "{token} has two IDs, {first} and {id}",
                token = quoted(&token),
                first = other,
                id = row
            )
        }
    };
    bad(file, problem)
}

fn invalid_json(error: &serde_json::Error) -> Message {
    Message::verbatim(on_one_line(&error.to_string()))
}

fn bad(file: &str, problem: Message) -> DataError {
    DataError::BadTokenizer {
        file: file.into(),
        problem,
    }
}

fn unsupported(part: Message) -> DataError {
    DataError::UnsupportedTokenizer {
        file: TOKENIZER_JSON.into(),
        part,
    }
}
