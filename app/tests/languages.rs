//! Every catalogue says what the page says: no sentence without a translation, no translation without a sentence, the same
//! placeholders in both. The sentences are read from the sources, so that a new one is missed at once.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Catalogue = BTreeMap<String, BTreeMap<String, serde_json::Value>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the workspace")
        .into()
}

fn catalogue(tag: &str) -> Catalogue {
    let path = root().join(format!("public/languages/{tag}.json"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn tags() -> Vec<&'static str> {
    app::language::LANGUAGES[1..]
        .iter()
        .map(|language| language.tag)
        .collect()
}

/// Every Rust file below a folder, as tokens.
fn sources(folder: &Path) -> Vec<TokenStream> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            out.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&entry).expect("a source");
            out.push(
                text.parse()
                    .unwrap_or_else(|error| panic!("{}: {error}", entry.display())),
            );
        }
    }
    out
}

fn literal(tree: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = tree else {
        return None;
    };
    litrs::StringLit::try_from(literal)
        .ok()
        .map(|literal| literal.value().to_string())
}

/// What stands in the calls of `tr!` and `mark!`: `(context, sentence)`; of a singular and a plural, the plural.
fn sentences(tokens: TokenStream, out: &mut BTreeSet<(String, String)>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (place, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else {
            continue;
        };
        let is_call = place >= 2
            && matches!(&trees[place - 1], TokenTree::Punct(mark) if mark.as_char() == '!')
            && matches!(&trees[place - 2], TokenTree::Ident(name) if *name == "tr" || *name == "mark");
        if is_call && group.delimiter() == Delimiter::Parenthesis {
            out.extend(sentence(group.stream()));
        }
        sentences(group.stream(), out);
    }
}

fn sentence(call: TokenStream) -> Option<(String, String)> {
    let trees: Vec<TokenTree> = call.into_iter().collect();
    let first = literal(trees.first()?)?;
    let mark = |place: usize| match trees.get(place) {
        Some(TokenTree::Punct(mark)) => mark.as_char(),
        _ => ' ',
    };
    match (mark(1), mark(2)) {
        ('=', '>') => literal(trees.get(3)?).map(|text| (first, text)),
        ('|', _) => literal(trees.get(2)?).map(|text| ("page".into(), text)),
        _ => Some(("page".into(), first)),
    }
}

/// String literals of the engine, with every placeholder as `{}`.
fn patterns(tokens: TokenStream, out: &mut BTreeSet<String>) {
    for tree in tokens {
        if let TokenTree::Group(group) = &tree {
            patterns(group.stream(), out);
        }
        out.extend(literal(&tree).map(|text| with_holes(&text)));
    }
}

fn with_holes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        out.push_str("{}");
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

/// The names between braces.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

fn translations(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::Object(forms) => forms
            .values()
            .filter_map(serde_json::Value::as_str)
            .collect(),
        value => value.as_str().into_iter().collect(),
    }
}

#[test]
fn every_sentence_of_the_page_is_translated_and_nothing_else() {
    let mut wanted = BTreeSet::new();
    let both = ["app/src", "display/src"].map(|folder| sources(&root().join(folder)));
    both.into_iter()
        .flatten()
        .for_each(|tokens| sentences(tokens, &mut wanted));
    assert!(
        wanted.len() > 300,
        "the sources were read: {}",
        wanted.len()
    );
    for tag in tags() {
        let catalogue = catalogue(tag);
        let has = catalogue.iter().filter(|(context, _)| *context != "engine");
        let has: BTreeSet<(String, String)> = has
            .flat_map(|(context, texts)| texts.keys().map(|text| (context.clone(), text.clone())))
            .collect();
        let list = |set: Vec<&(String, String)>| {
            set.iter()
                .map(|(context, text)| format!("{context}: {text:?}"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let (missing, old) = (
            wanted.difference(&has).collect::<Vec<_>>(),
            has.difference(&wanted).collect::<Vec<_>>(),
        );
        assert!(
            missing.is_empty() && old.is_empty(),
            "{tag}.json lacks\n{}\nand has what the page does not say\n{}",
            list(missing),
            list(old)
        );
    }
}

#[test]
fn translations_have_the_placeholders_of_their_sentence() {
    for tag in tags() {
        for (context, texts) in catalogue(tag)
            .iter()
            .filter(|(context, _)| *context != "engine")
        {
            for (text, value) in texts {
                let forms = translations(value);
                assert!(!forms.is_empty(), "{tag}, {context}: {text:?} has no text");
                for form in forms {
                    assert_eq!(
                        placeholders(form),
                        placeholders(text),
                        "{tag}, {context}: {text:?}"
                    );
                    assert!(
                        !form.trim().is_empty() || text.trim().is_empty(),
                        "{tag}: {text:?} is empty"
                    );
                }
            }
        }
    }
}

#[test]
fn what_the_engine_says_is_translated_as_it_says_it() {
    let mut said = BTreeSet::new();
    let folders = [
        "engine/src",
        "engine/data/src",
        "engine/protocol/src",
        "engine/unpack/src",
    ];
    let folders = folders.map(|folder| sources(&root().join(folder)));
    folders
        .into_iter()
        .flatten()
        .for_each(|tokens| patterns(tokens, &mut said));
    for tag in tags() {
        let catalogue = catalogue(tag);
        for (pattern, value) in catalogue.get("engine").into_iter().flatten() {
            assert!(
                said.contains(pattern),
                "{tag}: the engine does not say {pattern:?}"
            );
            let holes = pattern.matches("{}").count();
            let translation = value.as_str().unwrap_or_default();
            assert!(!translation.is_empty(), "{tag}: {pattern:?} has no text");
            assert_eq!(
                translation.matches('{').count(),
                holes,
                "{tag}: {pattern:?}"
            );
        }
    }
}

/// Sentences of sentences: each part is looked up, so that none of them stays English.
#[test]
fn what_the_engine_joins_is_translated_part_by_part() {
    let read = |tag: &str| {
        let json = serde_json::to_string(&catalogue(tag)).expect("a catalogue is plain data");
        app::language::Catalogue::read(&json, |_| "other".into()).expect("a catalogue")
    };
    app::language::set(Some(read("th")));
    for (text, names) in [
        (
            "With 50 labelled texts pre-training adds 0.100 micro F1 (0.705 against 0.605 from scratch), and n-grams reach 0.500. \
             With 500 labelled texts pre-training makes no difference beyond chance (micro F1 0.705 against 0.705 from scratch), \
             and n-grams alone reach 0.801, which is better than both. With one seed, differences of a few hundredths may be \
             chance.",
            &["micro", "F1", "n-gram"][..],
        ),
        (
            "the values of the model before were taken over (12 tensors); new: a.weight; not used: b.bias",
            &["a.weight", "b.bias"],
        ),
    ] {
        let told = app::localize_message::localize_message(text);
        let rest = names
            .iter()
            .fold(told.clone(), |rest, name| rest.replace(name, ""));
        assert!(
            !rest.contains(|letter: char| letter.is_ascii_alphabetic()),
            "{told}"
        );
    }
    app::language::set(None);
}
