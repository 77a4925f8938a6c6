//! The files of a Hugging Face model directory -> tokenizer. Nothing in them is trusted: rows must be dense, since a
//! row beyond the embedding table is an unchecked read on a GPU; tokens distinct; the special tokens there; every part one
//! that runs here in linear time (no regular expression of the file is ever run).

use super::normalize::{Normalization, Splitting};
use super::vocabulary::{SPECIAL_NAMES, Vocabulary, VocabularyError};
use super::wordpiece::{MAX_WORD_CHARS, PREFIX, WordPiece};
use super::write::EACH_CHARACTER;
use super::{Model, Tokenizer};
use crate::error::{DataError, quoted};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

const TOKENIZER_JSON: &str = "tokenizer.json";
const VOCAB_TXT: &str = "vocab.txt";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Matching costs this squared per word: BERT's is 100.
const MOST_WORD_CHARS: usize = 1000;

impl Tokenizer {
    /// Reads a tokenizer; `file` gives the content of a file of the directory, where there is one. `tokenizer.json`
    /// counts; without it, `vocab.txt` and `tokenizer_config.json`, as older models have.
    ///
    /// # Errors
    /// When there is none, or it contradicts itself, or is of a kind that does not run here.
    pub fn from_files(file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Self, DataError> {
        if let Some(bytes) = file(TOKENIZER_JSON) {
            return from_json(&bytes);
        }
        let vocab = file(VOCAB_TXT).ok_or(DataError::NoTokenizer)?;
        from_vocab(&vocab, file(TOKENIZER_CONFIG).as_deref())
    }
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
struct AddedToken {
    id: u64,
    content: String,
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

/// An object as written, so that a key that comes twice is seen; empty for the lists of other model types.
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

fn from_json(bytes: &[u8]) -> Result<Tokenizer, DataError> {
    let json: TokenizerJson = serde_json::from_slice(bytes).map_err(|error| bad(TOKENIZER_JSON, error.to_string()))?;
    let model = model(&json.model)?;
    let normalization = normalization(json.normalizer.as_ref().unwrap_or(&Value::Null))?;
    let splitting = splitting(json.pre_tokenizer.as_ref().unwrap_or(&Value::Null))?;
    let mut pairs = json.model.vocab.0;
    for added in json.added_tokens {
        add(&mut pairs, added)?;
    }
    let vocabulary = vocabulary(TOKENIZER_JSON, in_row_order(pairs)?)?;
    Ok(tokenizer(vocabulary, model, normalization, splitting))
}

fn tokenizer(vocabulary: Vocabulary, model: Model, normalization: Normalization, splitting: Splitting) -> Tokenizer {
    let counts = vec![0; vocabulary.tokens().len()];
    Tokenizer { vocabulary, model, normalization, splitting, counts }
}

fn model(json: &ModelJson) -> Result<Model, DataError> {
    if json.unk_token.as_deref().is_some_and(|token| token != "[UNK]") {
        return Err(unsupported("an unknown token other than [UNK]".into()));
    }
    let max_chars = json.max_input_chars_per_word.unwrap_or(MAX_WORD_CHARS);
    let prefix = json.continuing_subword_prefix.clone();
    // Files of before 2020 name no type; only WordPiece has the prefix and no merges.
    let kind = json.kind.as_deref().or(prefix.is_some().then_some("WordPiece")).unwrap_or("of no type");
    match kind {
        "WordPiece" if max_chars > MOST_WORD_CHARS => Err(unsupported(format!("words of {max_chars} characters"))),
        "WordPiece" => Ok(Model::WordPiece(WordPiece::new(prefix.unwrap_or_else(|| PREFIX.into()), max_chars))),
        "WordLevel" => Ok(Model::Words),
        _ => Err(unsupported(format!("a model {}", quoted(kind)))),
    }
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
        kind => Err(unsupported(format!("a normalizer {}", quoted(kind.unwrap_or("of no type"))))),
    }
}

fn splitting(json: &Value) -> Result<Splitting, DataError> {
    match json.get("type").and_then(Value::as_str) {
        Some("BertPreTokenizer") => Ok(Splitting::Bert),
        Some("Whitespace") => Ok(Splitting::Words),
        Some("WhitespaceSplit") => Ok(Splitting::Whitespace),
        Some("Sequence") if splits_characters(json) => Ok(Splitting::Characters),
        kind => Err(unsupported(format!("a pre-tokenizer {}", quoted(kind.unwrap_or("of no type"))))),
    }
}

/// Whether a sequence is the one that this product writes for its character tokenizers.
fn splits_characters(json: &Value) -> bool {
    let steps = json.get("pretokenizers").and_then(Value::as_array).map(Vec::as_slice);
    let Some([first, second]) = steps else { return false };
    first["type"] == "WhitespaceSplit"
        && second["type"] == "Split"
        && second["pattern"]["Regex"] == EACH_CHARACTER
        && second["behavior"] == "Isolated"
        && second["invert"] == false
}

/// Takes an added token into the vocabulary. Only the special ones are: others would be matched inside of words, which
/// this tokenizer does not do.
fn add(pairs: &mut Vec<(String, u64)>, added: AddedToken) -> Result<(), DataError> {
    if !SPECIAL_NAMES.contains(&added.content.as_str()) {
        return Err(unsupported(format!("the added token {}", quoted(&added.content))));
    }
    match pairs.iter().find(|(token, _)| *token == added.content) {
        None => pairs.push((added.content, added.id)),
        Some((_, id)) if *id == added.id => {}
        Some((token, id)) => {
            return Err(bad(TOKENIZER_JSON, format!("{} has the rows {id} and {}", quoted(token), added.id)));
        }
    }
    Ok(())
}

/// The tokens by row, when each row from 0 has exactly one.
fn in_row_order(mut pairs: Vec<(String, u64)>) -> Result<Vec<String>, DataError> {
    pairs.sort_by_key(|(_, row)| *row);
    for (expected, (token, row)) in pairs.iter().enumerate() {
        let (token, expected) = (quoted(token), expected as u64);
        if *row < expected {
            return Err(bad(TOKENIZER_JSON, format!("row {row} has two tokens, one of them {token}")));
        }
        if *row > expected {
            return Err(bad(TOKENIZER_JSON, format!("row {expected} has no token; the next is {token} in row {row}")));
        }
    }
    Ok(pairs.into_iter().map(|(token, _)| token).collect())
}

fn from_vocab(vocab: &[u8], config: Option<&[u8]>) -> Result<Tokenizer, DataError> {
    let text = std::str::from_utf8(vocab).map_err(|error| bad(VOCAB_TXT, format!("it is not UTF-8 ({error})")))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let tokens: Vec<String> = text.lines().map(Into::into).collect();
    if tokens.is_empty() {
        return Err(bad(VOCAB_TXT, "it is empty".into()));
    }
    let vocabulary = vocabulary(VOCAB_TXT, tokens)?;
    let model = Model::WordPiece(WordPiece::default());
    Ok(tokenizer(vocabulary, model, configured(config)?, Splitting::Bert))
}

/// Normalisation as `tokenizer_config.json` says; BERT's defaults where it says nothing.
fn configured(config: Option<&[u8]>) -> Result<Normalization, DataError> {
    let parsed = config.map(serde_json::from_slice::<Value>).transpose();
    let config = parsed.map_err(|error| bad(TOKENIZER_CONFIG, error.to_string()))?.unwrap_or(Value::Null);
    let flag = |key: &str, default| config.get(key).and_then(Value::as_bool).unwrap_or(default);
    let lowercase = flag("do_lower_case", true);
    Ok(Normalization {
        clean_text: true,
        space_chinese: flag("tokenize_chinese_chars", true),
        strip_accents: flag("strip_accents", lowercase),
        lowercase,
    })
}

fn vocabulary(file: &str, tokens: Vec<String>) -> Result<Vocabulary, DataError> {
    let place = |row: usize| if file == VOCAB_TXT { format!("line {}", row + 1) } else { format!("row {row}") };
    Vocabulary::new(tokens).map_err(|error| match error {
        VocabularyError::Duplicate { token, first, second } => {
            bad(file, format!("{} comes in {} and {}", quoted(&token), place(first), place(second)))
        }
        VocabularyError::Empty { row } => bad(file, format!("{} holds an empty token", place(row))),
        VocabularyError::Missing { tokens } => bad(file, format!("it lacks {}", tokens.join(", "))),
    })
}

fn bad(file: &str, problem: String) -> DataError {
    DataError::BadTokenizer { file: file.into(), problem }
}

fn unsupported(part: String) -> DataError {
    DataError::UnsupportedTokenizer { file: TOKENIZER_JSON.into(), part }
}
