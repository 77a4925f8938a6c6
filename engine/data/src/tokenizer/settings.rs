//! `tokenizer_config.json` and its defaults: the case of a tokenizer, accents, Chinese characters,
//! and added tokens. Does not know the vocabulary.
//!
//! Source: `transformers`, `BertTokenizerFast.__init__`: the settings in this file override those
//! in `tokenizer.json`.

use super::added::AddedToken;
use super::normalize::Normalization;
use serde_json::Value;

/// Tokenizer class for which nothing overrides `tokenizer.json`.
const PLAIN_CLASS: &str = "PreTrainedTokenizerFast";
/// A vocabulary is cased if at least one in this many of its entries with letters has a capital; an
/// uncased one has none.
const CASED_SHARE: usize = 100;

/// Configuration of a tokenizer; null if there is none.
pub(super) struct Settings(Value);

impl Settings {
    pub fn of(json: Value) -> Self {
        Self(json)
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.0.get(key).and_then(Value::as_bool)
    }

    /// Returns whether text is lower-cased, if the file states it.
    pub fn lowercase(&self) -> Option<bool> {
        self.flag("do_lower_case")
    }

    /// Returns the normalisation if there is only this file; `lowercase` is used if it does not
    /// state the case.
    pub fn normalization(&self, lowercase: bool) -> Normalization {
        let lowercase = self.lowercase().unwrap_or(lowercase);
        Normalization {
            clean_text: true,
            space_chinese: self.flag("tokenize_chinese_chars").unwrap_or(true),
            strip_accents: self.flag("strip_accents").unwrap_or(lowercase),
            lowercase,
        }
    }

    /// Returns the normalisation of `tokenizer.json`, overridden by the settings in this file. Only
    /// BERT's normaliser has these settings.
    pub fn applied(&self, rules: Normalization, normalizer: &Value) -> Normalization {
        let is_bert = normalizer.get("type").and_then(Value::as_str) == Some("BertNormalizer");
        if !is_bert || self.0.get("tokenizer_class").and_then(Value::as_str) == Some(PLAIN_CLASS) {
            return rules;
        }
        match self.lowercase() {
            Some(lowercase) => Normalization {
                clean_text: rules.clean_text,
                ..self.normalization(lowercase)
            },
            None => Normalization {
                space_chinese: self
                    .flag("tokenize_chinese_chars")
                    .unwrap_or(rules.space_chinese),
                strip_accents: self.flag("strip_accents").unwrap_or(rules.strip_accents),
                ..rules
            },
        }
    }

    /// Returns the tokens of `added_tokens_decoder`, by id. Invalid entries are skipped, since
    /// other files list the tokens too.
    pub fn added_tokens(&self) -> Vec<AddedToken> {
        let rows = self
            .0
            .get("added_tokens_decoder")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let token = |(row, token): (&String, &Value)| {
            let mut fields = token.as_object()?.clone();
            fields.insert("id".into(), row.parse::<u32>().ok()?.into());
            serde_json::from_value(Value::Object(fields)).ok()
        };
        let mut tokens: Vec<AddedToken> = rows.filter_map(token).collect();
        tokens.sort_by_key(|token| token.id);
        tokens
    }
}

/// Returns whether a vocabulary was learned from cased text. Names in brackets, such as `[MASK]`,
/// are ignored.
pub(super) fn has_upper_case(tokens: &[&str]) -> bool {
    let words = tokens
        .iter()
        .filter(|token| !token.starts_with('[') && token.contains(char::is_alphabetic));
    let upper = words
        .clone()
        .filter(|token| token.contains(char::is_uppercase))
        .count();
    upper > 0 && upper * CASED_SHARE >= words.count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_configuration_overrides_tokenizer_json() {
        let bert = json!({"type": "BertNormalizer"});
        let check = |config: Value, normalizer: &Value, expected: (bool, bool, bool)| {
            let rules =
                Settings::of(config.clone()).applied(Normalization::bert(false, true), normalizer);
            assert_eq!(
                (rules.lowercase, rules.strip_accents, rules.space_chinese),
                expected,
                "{config}"
            );
        };
        check(json!({"do_lower_case": false}), &bert, (false, false, true));
        check(
            json!({"do_lower_case": true, "strip_accents": false}),
            &bert,
            (true, false, true),
        );
        check(
            json!({"do_lower_case": false, "strip_accents": true}),
            &bert,
            (false, true, true),
        );
        check(
            json!({"tokenize_chinese_chars": false}),
            &bert,
            (true, true, false),
        );
        check(json!({"strip_accents": false}), &bert, (true, false, true));
        check(json!({"do_lower_case": null}), &bert, (true, true, true));
        check(
            json!({"do_lower_case": false, "tokenizer_class": "BertTokenizer"}),
            &bert,
            (false, false, true),
        );
        check(
            json!({"do_lower_case": false, "tokenizer_class": PLAIN_CLASS}),
            &bert,
            (true, true, true),
        );
        check(
            json!({"do_lower_case": false}),
            &json!({"type": "Lowercase"}),
            (true, true, true),
        );
        check(Value::Null, &bert, (true, true, true));
    }

    #[test]
    fn a_vocabulary_with_capitals_is_cased() {
        assert!(has_upper_case(&["[PAD]", "the", "The", "##s"]));
        assert!(!has_upper_case(&[
            "[PAD]",
            "[MASK]",
            "[unused1]",
            "[E1]",
            "the",
            "\u{e9}t\u{e9}",
            "\u{5317}",
            "1"
        ]));
        let mut many = vec!["word"; 1000];
        many.push("\u{2126}");
        assert!(!has_upper_case(&many), "one odd sign is no case");
    }
}
