//! Writes a tokenizer as the files of a Hugging Face model directory. `tokenizers` loads them and
//! encodes text identically; `read` is the inverse.

use super::Tokenizer;
use super::added::AddedToken;
use super::model::Model;
use super::normalize::{Normalization, Splitting};
use super::vocabulary::{SPECIAL_NAMES, Vocabulary};
use super::wordpiece::WordPiece;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Tokenizer {
    /// Returns file names and contents: `tokenizer.json`, `vocab.txt`, `tokenizer_config.json`,
    /// `special_tokens_map.json`, and `added_tokens.json` if there are tokens that `vocab.txt`
    /// lacks. `model_max_length` is the maximum sequence length of the model that the tokenizer
    /// belongs to.
    pub fn to_files(&self, model_max_length: usize) -> Vec<(String, Vec<u8>)> {
        let mut files = vec![
            ("tokenizer.json".into(), pretty(&self.tokenizer_json())),
            ("vocab.txt".into(), self.vocab_txt()),
            (
                "tokenizer_config.json".into(),
                pretty(&self.tokenizer_config(model_max_length)),
            ),
            ("special_tokens_map.json".into(), pretty(&named_specials())),
        ];
        let added = self.vocabulary.added().all().iter();
        let added = added.filter(|token| !self.vocabulary.is_of_words(token.id as usize));
        let rows: BTreeMap<&str, u32> = added
            .map(|token| (token.content.as_str(), token.id))
            .collect();
        files.extend((!rows.is_empty()).then(|| (ADDED_TOKENS.to_string(), pretty(&rows))));
        files
    }

    fn tokenizer_json(&self) -> TokenizerJson<'_> {
        let specials = self.specials();
        TokenizerJson {
            version: "1.0",
            truncation: None,
            padding: None,
            added_tokens: self.added_tokens(),
            normalizer: normalizer(self.normalization),
            pre_tokenizer: pre_tokenizer(self.splitting),
            post_processor: json!({
                "type": "BertProcessing",
                "sep": ["[SEP]", specials.sep],
                "cls": ["[CLS]", specials.cls],
            }),
            decoder: match &self.model {
                Model::WordPiece(model) => {
                    json!({"type": "WordPiece", "prefix": model.prefix(), "cleanup": true})
                }
                Model::Words => Value::Null,
            },
            model: self.model_json(),
        }
    }

    /// Returns the special tokens and the added tokens, by id.
    fn added_tokens(&self) -> Vec<AddedToken> {
        let specials = SPECIAL_NAMES
            .iter()
            .zip(self.specials().all())
            .map(|(name, id)| special_token(name, id));
        let mut tokens: Vec<AddedToken> = specials
            .chain(self.vocabulary.added().all().iter().cloned())
            .collect();
        tokens.sort_by_key(|token| token.id);
        tokens
    }

    fn model_json(&self) -> ModelJson<'_> {
        let vocab = InRowOrder(&self.vocabulary);
        match &self.model {
            Model::WordPiece(model) => ModelJson {
                kind: "WordPiece",
                unk_token: "[UNK]",
                continuing_subword_prefix: Some(model.prefix()),
                max_input_chars_per_word: Some(model.max_chars()),
                vocab,
            },
            Model::Words => ModelJson {
                kind: "WordLevel",
                unk_token: "[UNK]",
                continuing_subword_prefix: None,
                max_input_chars_per_word: None,
                vocab,
            },
        }
    }

    /// Returns one token per line, where the line number is the id; an id without a word token is a
    /// blank line.
    fn vocab_txt(&self) -> Vec<u8> {
        let tokens = self.vocabulary.tokens();
        let is_of_words = |row: &usize| self.vocabulary.is_of_words(*row);
        let rows = (0..tokens.len())
            .rfind(is_of_words)
            .map_or(0, |last| last + 1);
        let line = |row: usize| {
            if is_of_words(&row) {
                tokens[row].as_str()
            } else {
                ""
            }
        };
        (0..rows)
            .flat_map(|row| line(row).bytes().chain([b'\n']))
            .collect()
    }

    fn tokenizer_config(&self, model_max_length: usize) -> Value {
        // `BertTokenizer` may use its own prefix and maximum word length instead of those in
        // `tokenizer.json`.
        let is_published =
            matches!(&self.model, Model::WordPiece(model) if *model == WordPiece::default());
        let bert = is_published && self.splitting == Splitting::Bert;
        let mut config = named_specials();
        config["tokenizer_class"] = if bert {
            "BertTokenizer"
        } else {
            "PreTrainedTokenizerFast"
        }
        .into();
        config["model_max_length"] = model_max_length.into();
        if bert {
            config["do_lower_case"] = self.normalization.lowercase.into();
            config["strip_accents"] = self.normalization.strip_accents.into();
            config["tokenize_chinese_chars"] = self.normalization.space_chinese.into();
        }
        config
    }
}

#[derive(Serialize)]
struct TokenizerJson<'a> {
    version: &'static str,
    truncation: Option<Value>,
    padding: Option<Value>,
    added_tokens: Vec<AddedToken>,
    normalizer: Value,
    pre_tokenizer: Value,
    post_processor: Value,
    decoder: Value,
    model: ModelJson<'a>,
}

#[derive(Serialize)]
struct ModelJson<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    unk_token: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuing_subword_prefix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_input_chars_per_word: Option<usize>,
    vocab: InRowOrder<'a>,
}

/// Serialises the word tokens as an object from token to id, in order of ids: readable, and the
/// same bytes every time.
struct InRowOrder<'a>(&'a Vocabulary);

impl Serialize for InRowOrder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (row, token) in self
            .0
            .tokens()
            .iter()
            .enumerate()
            .filter(|(row, _)| self.0.is_of_words(*row))
        {
            map.serialize_entry(token, &row)?;
        }
        map.end()
    }
}

fn pretty(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("strings and numbers serialise")
}

fn named_specials() -> Value {
    json!({
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    })
}

fn special_token(name: &str, id: u32) -> AddedToken {
    AddedToken {
        normalized: false,
        special: true,
        ..AddedToken::plain(name.into(), id)
    }
}

fn normalizer(rules: Normalization) -> Value {
    if rules == Normalization::plain(true) {
        return Value::Null;
    }
    if rules == Normalization::plain(false) {
        return json!({"type": "Lowercase"});
    }
    json!({
        "type": "BertNormalizer",
        "clean_text": rules.clean_text,
        "handle_chinese_chars": rules.space_chinese,
        "strip_accents": rules.strip_accents,
        "lowercase": rules.lowercase,
    })
}

/// Added tokens and their ids, for tokenizers without `tokenizer.json`.
pub(super) const ADDED_TOKENS: &str = "added_tokens.json";
/// Matches every character: `WhitespaceSplit` has already removed the white space.
pub(super) const EACH_CHARACTER: &str = r"[\s\S]";

fn pre_tokenizer(splitting: Splitting) -> Value {
    match splitting {
        Splitting::Bert => json!({"type": "BertPreTokenizer"}),
        Splitting::Words => json!({"type": "Whitespace"}),
        Splitting::Whitespace => json!({"type": "WhitespaceSplit"}),
        Splitting::Characters => json!({
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Split", "pattern": {"Regex": EACH_CHARACTER}, "behavior": "Isolated", "invert": false},
            ],
        }),
    }
}
