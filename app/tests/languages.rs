//! Catalogues match the page: every sentence has a translation, every translation has a sentence,
//! and both have the same placeholders. The sentences are extracted from the sources, so that a new
//! one without translation fails at once.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use protocol::RunConfig;
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

/// Folders whose messages reach the page.
const ENGINE_FOLDERS: [&str; 5] = [
    "engine/core/src",
    "engine/worker/src",
    "engine/data/src",
    "engine/protocol/src",
    "engine/unpack/src",
];

fn sources(folder: &Path) -> Vec<TokenStream> {
    let files = sources_with_paths(folder).into_iter();
    files.map(|(_, tokens)| tokens).collect()
}

/// Parses every Rust file below a folder into tokens.
fn sources_with_paths(folder: &Path) -> Vec<(PathBuf, TokenStream)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            out.extend(sources_with_paths(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&entry).expect("a source");
            let tokens = text
                .parse()
                .unwrap_or_else(|error| panic!("{}: {error}", entry.display()));
            out.push((entry, tokens));
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

/// Collects `(context, sentence)` from the calls of `tr!` and `mark!`; of a singular and a plural,
/// the plural.
fn sentences(tokens: TokenStream, out: &mut BTreeSet<(String, String)>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else {
            continue;
        };
        let is_call = index >= 2
            && matches!(&trees[index - 1], TokenTree::Punct(mark) if mark.as_char() == '!')
            && matches!(&trees[index - 2], TokenTree::Ident(name) if *name == "tr" || *name == "mark");
        if is_call && group.delimiter() == Delimiter::Parenthesis {
            out.extend(sentence(group.stream()));
        }
        sentences(group.stream(), out);
    }
}

fn sentence(call: TokenStream) -> Option<(String, String)> {
    let trees: Vec<TokenTree> = call.into_iter().collect();
    let first = literal(trees.first()?)?;
    let mark = |index: usize| match trees.get(index) {
        Some(TokenTree::Punct(mark)) => mark.as_char(),
        _ => ' ',
    };
    match (mark(1), mark(2)) {
        ('=', '>') => literal(trees.get(3)?).map(|text| (first, text)),
        ('|', _) => literal(trees.get(2)?).map(|text| ("page".into(), text)),
        _ => Some(("page".into(), first)),
    }
}

/// Collects the arguments of each call of `message!` and `phrase!`, modules of tests left out.
/// Templates without words only join other messages.
fn calls(tokens: TokenStream, out: &mut Vec<(String, Vec<TokenTree>)>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (place, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else {
            continue;
        };
        if is_test_module(&trees[..place]) {
            continue;
        }
        if is_macro(&trees[..place], &["message", "phrase"]) {
            let mut inner = group.stream().into_iter();
            if let Some(template) = inner.next().as_ref().and_then(literal) {
                out.push((template, inner.collect()));
            }
        }
        calls(group.stream(), out);
    }
}

/// Returns the names of the arguments behind the template of a `message!`.
fn argument_names(trees: &[TokenTree]) -> BTreeSet<String> {
    trees
        .windows(2)
        .filter_map(|pair| match pair {
            [TokenTree::Punct(mark), TokenTree::Ident(name)] if mark.as_char() == ',' => {
                Some(name.to_string())
            }
            _ => None,
        })
        .collect()
}

/// Returns whether the tokens end in the name of one of these macros and `!`.
fn is_macro(before: &[TokenTree], names: &[&str]) -> bool {
    matches!(before, [.., TokenTree::Ident(name), TokenTree::Punct(mark)]
        if mark.as_char() == '!' && names.iter().any(|wanted| name == wanted))
}

/// Returns whether the tokens end in `#[cfg(test)] mod name`.
fn is_test_module(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Group(attribute), TokenTree::Ident(keyword), TokenTree::Ident(_)]
        if keyword == "mod" && attribute.to_string().contains("cfg (test)"))
}

fn without_placeholders(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_string();
    parts
        .map(|part| part.split_once('}').map_or("", |(_, rest)| rest))
        .fold(first, |all, rest| all + rest)
}

/// Returns the names between braces.
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

/// Returns what the page shows of the schema of settings: all labels, which messages use, and the
/// help texts and defaults of the settings in its forms.
fn texts_of_settings() -> impl Iterator<Item = &'static str> {
    use app::settings::{CHOICES, FIELDS, NSP, SWITCHES, TABLE_FIELDS, finetune_fields};
    let specs = || RunConfig::SETTINGS.iter();
    let fields = || FIELDS.iter().chain(&TABLE_FIELDS).copied();
    let helped: BTreeSet<&str> = fields()
        .chain(CHOICES.map(|choice| choice.key))
        .chain(SWITCHES.iter().chain([&NSP]).map(|switch| switch.key))
        .chain(finetune_fields().map(|field| field.spec.key))
        .collect();
    let has_default: BTreeSet<&str> = fields().chain(["label-fraction"]).collect();
    let has_words = |text: &&str| text.contains(char::is_alphabetic);
    let helps = specs().filter(move |spec| helped.contains(spec.key));
    let defaults = specs().filter(move |spec| has_default.contains(spec.key));
    specs()
        .map(|spec| spec.label)
        .chain(helps.map(|spec| spec.help))
        .chain(defaults.map(|spec| spec.default).filter(has_words))
}

#[test]
fn catalogues_translate_exactly_the_sentences_of_the_page() {
    let mut expected = BTreeSet::new();
    let folders = ["app/src", "display/src"].map(|folder| sources(&root().join(folder)));
    folders
        .into_iter()
        .flatten()
        .for_each(|tokens| sentences(tokens, &mut expected));
    expected.extend(texts_of_settings().map(|text| ("page".into(), text.into())));
    assert!(
        expected.len() > 300,
        "the sources were read: {}",
        expected.len()
    );
    for tag in tags() {
        let catalogue = catalogue(tag);
        let has = catalogue
            .iter()
            .filter(|(context, _)| !["engine", "language"].contains(&context.as_str()));
        let has: BTreeSet<(String, String)> = has
            .flat_map(|(context, texts)| texts.keys().map(|text| (context.clone(), text.clone())))
            .collect();
        let list = |set: Vec<&(String, String)>| {
            set.iter()
                .map(|(context, text)| format!("{context}: {text:?}"))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let (missing, unused) = (
            expected.difference(&has).collect::<Vec<_>>(),
            has.difference(&expected).collect::<Vec<_>>(),
        );
        assert!(
            missing.is_empty() && unused.is_empty(),
            "{tag}.json lacks\n{}\nand has what the page does not say\n{}",
            list(missing),
            list(unused)
        );
    }
}

#[test]
fn translations_have_the_placeholders_of_their_sentence() {
    for tag in tags() {
        for (context, texts) in catalogue(tag)
            .iter()
            .filter(|(context, _)| !["engine", "language"].contains(&context.as_str()))
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

/// The command line's own messages are left out: the page never shows them.
#[test]
fn catalogues_translate_exactly_the_messages_of_the_engine() {
    let mut wanted = BTreeSet::new();
    for folder in ENGINE_FOLDERS {
        for (path, tokens) in sources_with_paths(&root().join(folder)) {
            let path = path.to_string_lossy().replace('\\', "/");
            if !path.contains("tests") {
                let mut found = Vec::new();
                calls(tokens, &mut found);
                let templates = found.into_iter().map(|(template, _)| template);
                wanted.extend(
                    templates
                        .filter(|text| without_placeholders(text).contains(char::is_alphabetic)),
                );
            }
        }
    }
    assert!(
        wanted.len() > 300,
        "the sources were read: {}",
        wanted.len()
    );
    for tag in tags() {
        let catalogue = catalogue(tag);
        let known: BTreeSet<String> = catalogue["engine"].keys().cloned().collect();
        let missing: Vec<&String> = wanted.difference(&known).collect();
        let old: Vec<&String> = known.difference(&wanted).collect();
        assert!(
            missing.is_empty() && old.is_empty(),
            "{tag}.json lacks {missing:#?}\nand has what the engine does not say: {old:#?}"
        );
        for (template, value) in &catalogue["engine"] {
            let translation = value.as_str().unwrap_or_default();
            assert!(!translation.is_empty(), "{tag}: {template:?} has no text");
            assert_eq!(
                placeholders(translation),
                placeholders(template),
                "{tag}: {template:?}"
            );
        }
    }
}

#[test]
fn messages_have_the_arguments_of_their_templates() {
    let mut found = Vec::new();
    for folder in ENGINE_FOLDERS.iter().chain(&["app/src", "display/src"]) {
        for tokens in sources(&root().join(folder)) {
            calls(tokens, &mut found);
        }
    }
    let with_arguments = found.iter().filter(|(_, rest)| !rest.is_empty());
    assert!(with_arguments.count() > 150, "the sources were read");
    for (template, rest) in found {
        let names = argument_names(&rest);
        let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(names, placeholders(&template), "{template:?}");
    }
}
