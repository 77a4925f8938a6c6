//! Tests the tokenizer against Hugging Face's, against hostile files, and against itself.

use super::*;

#[test]
fn the_minimum_size_is_that_of_its_setting() {
    let spec = protocol::SettingSpec::find("vocab-size").expect("a setting");
    assert_eq!(spec.range.min, MIN_VOCAB_SIZE as f64);
}
use serde_json::{Value, json};

fn golden(path: &str) -> String {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn from_one(name: &str, content: &str) -> Result<Tokenizer, DataError> {
    Tokenizer::from_files(&|requested| (requested == name).then(|| content.as_bytes().to_vec()))
}

fn learn(kind: TokenizerKind, cased: bool, text: &str) -> Tokenizer {
    Tokenizer::learn(kind, cased, 100, &mut text.lines()).expect("enough text")
}

fn tokens(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
    ids.iter()
        .map(|&id| tokenizer.token(id).to_string())
        .collect()
}

#[test]
fn ids_tokens_and_offsets_equal_those_of_hugging_face() {
    for case in ["uncased", "cased"] {
        let json = golden(&format!("tests/golden/tokenizer/{case}/tokenizer.json"));
        let tokenizer = from_one("tokenizer.json", &json).expect("a tokenizer");
        let expected = golden(&format!("tests/golden/tokenizer/{case}/expected.jsonl"));
        assert_eq!(expected.lines().count(), 328);
        for line in expected.lines() {
            let expected: Value = serde_json::from_str(line).expect("JSON");
            let encoding =
                tokenizer.encode_with_specials(expected["text"].as_str().expect("a text"));
            let Specials { cls, sep, .. } = tokenizer.specials();
            let ids = [&[cls], &encoding.ids[..], &[sep]].concat();
            let offsets = [&[(0, 0)], &encoding.offsets[..], &[(0, 0)]].concat();
            let got = json!({
                "text": expected["text"], "ids": ids, "tokens": tokens(&tokenizer, &ids), "offsets": offsets,
            });
            assert_eq!(got, expected, "{case}");
        }
    }
}

#[test]
fn a_vocabulary_file_alone_yields_the_same_tokenizer() {
    let json = golden("tests/golden/tokenizer/uncased/tokenizer.json");
    let vocab = golden("tests/golden/tokenizer/uncased/vocab.txt");
    assert_eq!(
        from_one("vocab.txt", &vocab).expect("a vocabulary"),
        from_one("tokenizer.json", &json).expect("JSON")
    );
    let cased = Tokenizer::from_files(&|name| match name {
        "vocab.txt" => Some(vocab.clone().into_bytes()),
        "tokenizer_config.json" => Some(br#"{"do_lower_case": false}"#.to_vec()),
        _ => None,
    });
    assert!(cased.expect("a vocabulary").is_cased());
}

#[test]
fn learned_pieces_are_as_good_as_those_of_hugging_face() {
    let text = golden("public/bundle/pretrain_extra.txt");
    let quality: Value =
        serde_json::from_str(&golden("tests/golden/tokenizer/bundle/quality.json")).expect("JSON");
    let tokenizer = Tokenizer::learn(TokenizerKind::Wordpiece, false, 4096, &mut text.lines())
        .expect("enough text");
    let ids: Vec<u32> = text
        .lines()
        .flat_map(|line| tokenizer.encode(line))
        .collect();
    let tokens_per_word = ids.len() as f64 / text.split_whitespace().count() as f64;
    // Ties are broken differently, which affects the third decimal.
    assert!(
        tokens_per_word < quality["tokens_per_word"].as_f64().expect("a number") + 0.001,
        "{tokens_per_word}"
    );
    assert_eq!(
        (tokenizer.len(), ids.contains(&tokenizer.specials().unk)),
        (4096, false)
    );
    let mut counts = vec![0; tokenizer.len()];
    ids.iter().for_each(|&id| counts[id as usize] += 1);
    assert_eq!(tokenizer.counts(), counts);
}

#[test]
fn learning_does_not_depend_on_the_order_of_the_text() {
    let text = golden("public/bundle/valid.txt");
    let reversed: Vec<&str> = text.lines().rev().collect();
    for kind in [
        TokenizerKind::Wordpiece,
        TokenizerKind::Word,
        TokenizerKind::Char,
    ] {
        let forward = Tokenizer::learn(kind, true, 500, &mut text.lines()).expect("enough text");
        assert_eq!(
            Tokenizer::learn(kind, true, 500, &mut reversed.iter().copied()).expect("enough text"),
            forward
        );
    }
}

#[test]
fn each_kind_splits_differently() {
    let text = "Élan vital, élan VITAL\nthe [MASK] the";
    for (kind, cased, expected) in [
        (
            TokenizerKind::Wordpiece,
            false,
            &["é", "##lan", "vital", ",", "é", "##lan", "vital"][..],
        ),
        (
            TokenizerKind::Word,
            false,
            &["élan", "[UNK]", "élan", "[UNK]"],
        ),
        (
            TokenizerKind::Char,
            true,
            &["É", "l", "a", "n", "v", "i", "t", "a", "l", ",", "é", "l"],
        ),
    ] {
        let tokenizer = learn(kind, cased, text);
        let line = text.lines().next().expect("a line");
        let got = tokens(&tokenizer, &tokenizer.encode(line));
        assert_eq!((tokenizer.kind(), tokenizer.is_cased()), (kind, cased));
        if kind == TokenizerKind::Wordpiece {
            assert_eq!(got.concat().replace("##", ""), "élanvital,élanvital");
        } else {
            assert_eq!(got[..expected.len()], *expected);
        }
    }
}

#[test]
fn literal_special_tokens_are_text_unless_requested() {
    for kind in [
        TokenizerKind::Wordpiece,
        TokenizerKind::Word,
        TokenizerKind::Char,
    ] {
        for cased in [false, true] {
            let tokenizer = learn(
                kind,
                cased,
                "the [MASK] the [MASK] the\n[SEP] [SEP] M A S K P E m a s k p e [ ]",
            );
            let Specials {
                pad,
                cls,
                sep,
                mask,
                ..
            } = tokenizer.specials();
            let ids = tokenizer.encode("the [MASK] [SEP] [CLS] [PAD]");
            assert!(
                ![pad, cls, sep, mask].iter().any(|id| ids.contains(id)),
                "{kind:?} {cased}"
            );
            let encoding = tokenizer.encode_with_specials("the[MASK] é [SEP]");
            let index = encoding
                .ids
                .iter()
                .position(|&id| id == mask)
                .expect("a mask");
            assert_eq!(
                (encoding.offsets[index], encoding.word_starts[index]),
                ((3, 9), true)
            );
            assert_eq!(
                (encoding.ids.last(), encoding.offsets.last()),
                (Some(&sep), Some(&(12, 17)))
            );
        }
    }
}

#[test]
fn word_starts_and_continuing_rows_agree() {
    let tokenizer = learn(TokenizerKind::Wordpiece, false, "abc abd abe xyz xyw");
    let encoding = tokenizer.encoding("abcabd xq xyzw");
    let continues = tokenizer.continues();
    assert_eq!(encoding.ids, tokenizer.encode("abcabd xq xyzw"));
    for (&id, &starts) in encoding.ids.iter().zip(&encoding.word_starts) {
        assert_eq!(starts, !continues[id as usize]);
    }
    assert_eq!(
        encoding
            .word_starts
            .iter()
            .filter(|&&starts| starts)
            .count(),
        3
    );
}

#[test]
fn hostile_words_stay_short_and_fast() {
    let mut learner = VocabularyLearner::new(TokenizerKind::Wordpiece, false, 500)
        .expect("room")
        .strip_accents(true);
    learner.take("aa aa ab ab e e");
    let tokenizer = learner.finish().expect("enough text");
    let unk = tokenizer.specials().unk;
    assert_eq!(tokenizer.encode(&"a".repeat(200_000)), [unk]);
    assert_eq!(tokenizer.encode(&"a".repeat(100)).len(), 99);
    assert_eq!(
        tokenizer.encode(&format!("e{}", "\u{301}".repeat(20_000))),
        tokenizer.encode("e")
    );
    assert_eq!(
        tokenizer.encode("\u{0}\u{fffd}\u{ad}\u{e000} \u{2028}"),
        [0_u32; 0]
    );
}

#[test]
fn pieces_of_scripts_without_spaces_are_the_same_everywhere() {
    // "A boat in the harbour" and "a tree in the garden", without spaces between words.
    let (boat, tree) = ("เรือในท่าเรือ", "ต้นไม้ในสวน");
    let mut learner = VocabularyLearner::new(TokenizerKind::Wordpiece, false, 100)
        .expect("room")
        .unspaced(true);
    [boat, tree, boat, tree]
        .into_iter()
        .for_each(|word| learner.take(word));
    let tokenizer = learner.finish().expect("enough text");
    let (boat, tree) = (tokenizer.encode(boat), tokenizer.encode(tree));
    assert_eq!(
        (boat.len(), tree.len()),
        (1, 1),
        "{:?}",
        tokens(&tokenizer, &[&boat[..], &tree].concat())
    );
    // A paragraph longer than BERT's longest word.
    assert_eq!(
        tokenizer.encode(&"เรือในท่าเรือต้นไม้ในสวน".repeat(20)),
        [boat[0], tree[0]].repeat(20)
    );
    // Text after a mask is tokenised as in training.
    let masked = tokenizer
        .encode_with_specials("ต้นไม้ในสวน[MASK]เรือในท่าเรือ")
        .ids;
    assert_eq!(masked, [tree[0], tokenizer.specials().mask, boat[0]]);

    let files = tokenizer.to_files(128);
    let content = |name: &str| {
        files
            .iter()
            .find(|(file, _)| file == name)
            .map(|(_, bytes)| bytes.clone())
    };
    let read = Tokenizer::from_files(&content).expect("its own files");
    assert_eq!(
        read.with_counts(tokenizer.counts().to_vec()),
        Some(tokenizer)
    );
    let config: Value =
        serde_json::from_slice(&content("tokenizer_config.json").expect("written")).expect("JSON");
    assert_eq!(config["tokenizer_class"], "PreTrainedTokenizerFast");
}

#[test]
fn too_little_to_learn_from_is_an_error() {
    let learn = |kind, size, text: &str| {
        Tokenizer::learn(kind, false, size, &mut text.lines()).map(|t| t.len())
    };
    let code = |result: Result<usize, DataError>| result.expect_err("refused").code();
    assert_eq!(
        code(learn(TokenizerKind::Wordpiece, 15, "some text")),
        "vocabulary-too-small"
    );
    assert_eq!(
        code(learn(TokenizerKind::Wordpiece, 100, " ")),
        "nothing-to-mask"
    );
    assert_eq!(
        code(learn(TokenizerKind::Word, 100, "each word once")),
        "nothing-to-mask"
    );
    assert_eq!(learn(TokenizerKind::Wordpiece, 100, "a"), Ok(6));
    assert_eq!(
        learn(TokenizerKind::Char, 16, "abcdefghijklmnopqrstuvwxyz"),
        Ok(16)
    );
    assert_eq!(
        learn(
            TokenizerKind::Wordpiece,
            16,
            &"abcdefghijklmnopqrstuvwxyz ".repeat(3)
        ),
        Ok(16)
    );
}

#[test]
fn files_read_back_as_the_tokenizer_they_were_written_from() {
    let text = "The man went to the store, the man bought a gallon of milk. Der Mann ging, der Mann! 好 好";
    for kind in [
        TokenizerKind::Wordpiece,
        TokenizerKind::Word,
        TokenizerKind::Char,
    ] {
        for cased in [false, true] {
            let tokenizer = learn(kind, cased, text);
            let files = tokenizer.to_files(128);
            let find = |name: &str| {
                files
                    .iter()
                    .find(|(file, _)| file == name)
                    .map(|(_, bytes)| bytes.clone())
            };
            let mut back = Tokenizer::from_files(&find).expect("sound files");
            back.counts = tokenizer.counts.clone();
            assert_eq!(back, tokenizer);
            let config: Value =
                serde_json::from_slice(&find("tokenizer_config.json").expect("written"))
                    .expect("JSON");
            assert_eq!(
                (&config["model_max_length"], &config["mask_token"]),
                (&json!(128), &json!("[MASK]"))
            );
            assert_eq!(files.len(), 4);
        }
    }
    let tokenizer = learn(TokenizerKind::Wordpiece, true, text);
    let files = tokenizer.to_files(128);
    let old = Tokenizer::from_files(&|name| {
        let wanted = name == "vocab.txt" || name == "tokenizer_config.json";
        files
            .iter()
            .find(|(file, _)| wanted && file == name)
            .map(|(_, bytes)| bytes.clone())
    });
    assert_eq!(
        old.expect("sound files").encode(text),
        tokenizer.encode(text)
    );
}

fn with_vocab(vocab: &str) -> String {
    format!(
        r####"{{"added_tokens": [], "normalizer": null, "pre_tokenizer": {{"type": "Whitespace"}}, "model":
        {{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "vocab": {vocab}}}}}"####
    )
}

#[test]
fn hostile_files_are_refused_with_the_reason() {
    let specials = r#""[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4"#;
    let valid = with_vocab(&format!("{{{specials}, \"the\": 5}}"));
    assert!(from_one("tokenizer.json", &valid).is_ok());
    let deep = valid.replace("null", &"[".repeat(100_000));
    for (json, reason) in [
        (
            with_vocab(&format!("{{{specials}, \"x\": 4294967295}}")),
            "\"x\" has ID 4294967295, but at most 1048576 IDs are",
        ),
        (
            with_vocab(&format!("{{{specials}, \"x\": 4}}")),
            "ID 4 belongs to two tokens",
        ),
        (
            with_vocab(&format!("{{{specials}, \"x\": -1}}")),
            "invalid value: integer `-1`",
        ),
        (
            with_vocab(r#"{"[PAD]": 0, "[UNK]": 1, "x": 2}"#),
            "it lacks [CLS], [SEP], [MASK]",
        ),
        (with_vocab("[]"), "it lacks [PAD], [UNK]"),
        (valid[..valid.len() / 2].into(), "EOF while parsing"),
        (deep, "recursion limit exceeded"),
        (
            valid.replace("WordPiece", "BPE"),
            "uses the model type \"BPE\"",
        ),
        (
            valid.replace("Whitespace", "ByteLevel"),
            "uses the pre-tokenizer \"ByteLevel\"",
        ),
        (
            valid.replace("null", r#"{"type": "Precompiled"}"#),
            "uses the normalizer \"Precompiled\"",
        ),
        (
            valid.replace("[],", r#"[{"id": 6, "content": ""}],"#),
            "uses the added token \"\"",
        ),
        (
            valid.replace("[],", r#"[{"id": 5, "content": "[MASK]"}],"#),
            "\"[MASK]\" has two IDs, 4 and 5",
        ),
        (
            valid.replace("[],", r#"[{"id": 4, "content": "the"}],"#),
            "\"the\" has two IDs, 5 and 4",
        ),
        (
            valid.replace("[],", r#"[{"id": 5, "content": "x"}],"#),
            "ID 5 belongs to two tokens, \"the\" and \"x\"",
        ),
        (
            valid.replace("[],", r#"[{"id": 4294967295, "content": "x"}],"#),
            "the added token \"x\" with ID 4294967295",
        ),
        ("[]".into(), "invalid"),
        (
            valid.replace(
                "[],",
                &format!(r#"[{{"id": 6, "content": "{}"}}],"#, "a".repeat(501)),
            ),
            "of more than 500 characters",
        ),
        (
            valid.replace(r###""##""###, &format!(r#""{}""#, "#".repeat(17))),
            "a subword prefix of more than 16 characters",
        ),
    ] {
        let error = from_one("tokenizer.json", &json)
            .expect_err(reason)
            .to_string();
        assert!(error.contains(reason), "{error} instead of {reason}");
    }
    for (vocab, reason) in [
        ("", "it is empty"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "it lacks [MASK]"),
    ] {
        let error = from_one("vocab.txt", vocab).expect_err(reason).to_string();
        assert!(error.contains(reason), "{error} instead of {reason}");
    }
    assert_eq!(
        Tokenizer::from_files(&|_| None),
        Err(DataError::NoTokenizer)
    );
}

#[test]
fn special_tokens_are_found_at_any_id() {
    let tokenizer = from_one(
        "vocab.txt",
        "the\ncat\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n",
    )
    .expect("sound");
    assert_eq!(tokenizer.specials().all(), [2, 3, 4, 5, 6]);
    assert_eq!(
        tokenizer.encode_with_specials("the dog [MASK]").ids,
        [0, 3, 6]
    );
    assert_eq!(tokenizer.counts(), [0; 7]);
}

fn from_many(files: &[(&str, String)]) -> Result<Tokenizer, DataError> {
    let find = |requested: &str| {
        files
            .iter()
            .find(|(name, _)| *name == requested)
            .map(|(_, text)| text.clone().into_bytes())
    };
    Tokenizer::from_files(&find)
}

/// Reads back what `tokenizer` writes: from all files, and from those that tokenizers from before
/// 2020 read.
fn read_back(tokenizer: &Tokenizer) -> [Tokenizer; 2] {
    let files = tokenizer.to_files(128);
    let find = |name: &str| {
        files
            .iter()
            .find(|(file, _)| file == name)
            .map(|(_, bytes)| bytes.clone())
    };
    [
        Tokenizer::from_files(&find),
        Tokenizer::from_files(&|name| find(name).filter(|_| name != "tokenizer.json")),
    ]
    .map(|tokenizer| tokenizer.expect("sound files"))
}

#[test]
fn blank_and_repeated_lines_do_not_shift_other_ids() {
    let vocab =
        "\u{feff}[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\n\r\nthe\r\ncat\r\nthe\r\n\r\n";
    let tokenizer = from_one("vocab.txt", vocab).expect("as transformers reads it");
    assert_eq!(
        (tokenizer.len(), tokenizer.id("the"), tokenizer.id("")),
        (10, Some(8), None)
    );
    assert_eq!(tokenizer.encode("the cat"), [8, 7]);
    let of_text: Vec<u32> = (0..12).filter(|&id| tokenizer.is_text(id)).collect();
    assert_eq!(of_text, [7, 8], "rows without a token stand for nothing");
    for back in read_back(&tokenizer) {
        assert_eq!(
            (back.encode("the cat"), back.id("the")),
            (vec![8, 7], Some(8))
        );
    }
    let specials = r#""[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4"#;
    let holes = from_one(
        "tokenizer.json",
        &with_vocab(&format!("{{{specials}, \"x\": 5, \"x\": 7, \"\": 9}}")),
    );
    assert_eq!(holes.expect("as tokenizers reads it").encode("x y"), [7, 1]);
}

const ADDED: &str = r#"[{"id": 6, "content": "[DATE]", "normalized": false, "special": true},
    {"id": 7, "content": "Pier42", "single_word": true, "normalized": true}]"#;

#[test]
fn added_tokens_are_matched_before_splitting() {
    let vocab = r###"{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "the": 5}"###;
    let json = with_vocab(vocab).replace("[],", &format!("{ADDED},"));
    let json = json.replace(
        "\"normalizer\": null",
        r#""normalizer": {"type": "BertNormalizer"}"#,
    );
    let tokenizer = from_one("tokenizer.json", &json).expect("sound");
    let check = |tokenizer: &Tokenizer| {
        let encoding = tokenizer.encode_with_specials("the[DATE]the PIER42 [MASK]");
        assert_eq!(encoding.ids, [5, 6, 5, 7, 4]);
        assert_eq!(
            encoding.offsets,
            [(0, 3), (3, 9), (9, 12), (13, 19), (20, 26)]
        );
        assert_eq!(tokenizer.encode("the [DATE] pier42"), [5, 6, 7]);
        assert!(!tokenizer.encode("pier425").contains(&7));
        assert_eq!(
            (tokenizer.len(), tokenizer.token(6), tokenizer.id("Pier42")),
            (8, "[DATE]", Some(7))
        );
        assert!(tokenizer.is_text(7) && !tokenizer.is_text(8));
    };
    check(&tokenizer);
    let [all, old] = read_back(&tokenizer);
    check(&all);
    assert_eq!(old.encode("the [DATE] pier42"), [5, 6, 7]);
}

#[test]
fn added_tokens_are_read_from_all_files() {
    let vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n".to_string();
    let named = (
        "added_tokens.json",
        r#"{"[DATE]": 6, "pier42": 7}"#.to_string(),
    );
    let decoder = r#"{"added_tokens_decoder": {"4": {"content": "[MASK]", "special": true},
        "6": {"content": "[DATE]", "special": true}, "7": {"content": "pier42", "normalized": true}}}"#;
    for other in [named, ("tokenizer_config.json", decoder.into())] {
        let tokenizer = from_many(&[("vocab.txt", vocab.clone()), other]).expect("sound");
        assert_eq!(tokenizer.encode("the [DATE] Pier42"), [5, 6, 7]);
        assert_eq!(tokenizer.encode("[MASK]").len(), 3);
    }
    let bad = from_many(&[
        ("vocab.txt", vocab),
        ("added_tokens.json", r#"{"x": 5}"#.into()),
    ])
    .expect_err("taken");
    assert!(
        bad.to_string()
            .contains("added_tokens.json cannot be used: ID 5 belongs to two tokens"),
        "{bad}"
    );
}

#[test]
fn upper_case_in_a_vocabulary_alone_makes_it_cased() {
    let vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nThe\n".to_string();
    let infers = |files: &[(&str, String)]| {
        let find = |requested: &str| {
            files
                .iter()
                .find(|(name, _)| *name == requested)
                .map(|(_, text)| text.clone().into_bytes())
        };
        (
            Tokenizer::infers_case(&find),
            from_many(files).expect("sound").is_cased(),
        )
    };
    let config = |text: &str| ("tokenizer_config.json", text.to_string());
    let vocab = ("vocab.txt", vocab);
    assert_eq!(infers(std::slice::from_ref(&vocab)), (true, true));
    assert_eq!(infers(&[vocab.clone(), config("{}")]), (true, true));
    assert_eq!(
        infers(&[vocab.clone(), config(r#"{"do_lower_case": true}"#)]),
        (false, false)
    );
    assert_eq!(
        infers(&[vocab.clone(), config(r#"{"do_lower_case": false}"#)]),
        (false, true)
    );
    assert_eq!(
        infers(&[("vocab.txt", vocab.1.replace("The", "a"))]),
        (false, false)
    );
}
