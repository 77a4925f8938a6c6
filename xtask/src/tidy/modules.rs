//! Parses Rust files into modules: the items that each defines, its re-exports, and the paths used
//! by its code outside of tests.
//!
//! Paths in macros are found in their tokens. Glob imports are not followed.

use super::sources::Source;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeMap;
use syn::{Attribute, File, Item, UseTree, Visibility};

/// A path as its segments, beginning with the folder of the crate: `["engine/data", "corpus",
/// "Corpus"]`.
pub type ModulePath = Vec<String>;

/// A source file as a module.
pub struct Module {
    /// Path of the file in the repository.
    pub file: String,
    /// Path in the module tree.
    pub path: ModulePath,
    /// Items that it defines, with the number of fields of structs.
    pub items: Vec<Definition>,
    /// Names that it re-exports, each with its absolute path.
    pub exports: BTreeMap<String, ModulePath>,
    /// Absolute paths that its code uses.
    pub uses: Vec<ModulePath>,
    /// Whether it is compiled for tests only.
    pub is_test: bool,
}

/// A type, function, constant, or trait.
pub struct Definition {
    /// Name of the item.
    pub name: String,
    /// Number of fields; 0 if it is not a struct.
    pub fields: usize,
}

/// Parses `sources` into modules. A file that does not parse is skipped: the compiler reports it.
pub fn parse(sources: &[&Source]) -> Vec<Module> {
    let files: Vec<(&Source, File)> = sources
        .iter()
        .filter_map(|source| Some((*source, syn::parse_file(&source.text).ok()?)))
        .collect();
    let test_modules: Vec<ModulePath> = files
        .iter()
        .flat_map(|(source, file)| test_modules(&module_path(&source.path), &file.items))
        .collect();
    files
        .iter()
        .map(|(source, file)| {
            let path = module_path(&source.path);
            let is_test = is_test_file(&source.path)
                || test_modules.iter().any(|test| path.starts_with(test));
            module(source, file, path, is_test)
        })
        .collect()
}

/// Returns whether the file belongs to a `tests/` folder, which is a crate of its own.
fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/")
        || path.ends_with("_tests.rs")
        || path.contains("/tests/") && !path.contains("/src/")
}

/// Returns the module path of a file: `engine/data/src/corpus/mod.rs` is `["engine/data",
/// "corpus"]`.
fn module_path(file: &str) -> ModulePath {
    let (package, inside) = file.split_once("/src/").unwrap_or(("", file));
    let stem = inside.strip_suffix(".rs").unwrap_or(inside);
    let segments = stem
        .split('/')
        .filter(|segment| !matches!(*segment, "mod" | "lib" | "main"));
    [package]
        .into_iter()
        .chain(segments)
        .map(String::from)
        .collect()
}

fn test_modules(path: &ModulePath, items: &[Item]) -> Vec<ModulePath> {
    let modules = items.iter().filter_map(|item| match item {
        Item::Mod(module) if is_for_tests(&module.attrs) => Some(module.ident.to_string()),
        _ => None,
    });
    modules.map(|name| joined(path, [name])).collect()
}

fn module(source: &Source, file: &File, path: ModulePath, is_test: bool) -> Module {
    let mut module = Module {
        file: source.path.clone(),
        path,
        items: Vec::new(),
        exports: BTreeMap::new(),
        uses: Vec::new(),
        is_test,
    };
    let children: Vec<String> = file
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Mod(module) => Some(module.ident.to_string()),
            _ => None,
        })
        .collect();
    let items = file
        .items
        .iter()
        .filter(|item| !is_for_tests(attributes(item)));
    for item in items {
        if let Item::Use(item) = item {
            let is_public = !matches!(item.vis, Visibility::Inherited);
            let mut found = Vec::new();
            flatten(&item.tree, &mut Vec::new(), &mut found);
            for (alias, written) in found {
                let Some(target) = absolute(&module.path, &children, &written) else {
                    continue;
                };
                if is_public {
                    module.exports.insert(alias, target);
                } else {
                    module.uses.push(target);
                }
            }
        } else {
            module.items.extend(definition(item));
            let mut written = Vec::new();
            paths(item.to_token_stream(), &mut written);
            let targets = written
                .iter()
                .filter_map(|path| absolute(&module.path, &children, path));
            module.uses.extend(targets);
        }
    }
    module
}

/// Collects the names in a `use` declaration, each with its path.
fn flatten(tree: &UseTree, before: &mut Vec<String>, out: &mut Vec<(String, Vec<String>)>) {
    let with = |name: &str, before: &[String]| joined(before, [name.to_string()]);
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, out);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            let alias = before.last().cloned().unwrap_or_default();
            out.push((alias, before.clone()));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            out.push((name.clone(), with(&name, before)));
        }
        UseTree::Rename(rename) if rename.ident == "self" => {
            out.push((rename.rename.to_string(), before.clone()));
        }
        UseTree::Rename(rename) => {
            let path = with(&rename.ident.to_string(), before);
            out.push((rename.rename.to_string(), path));
        }
        UseTree::Glob(_) => out.push(("*".into(), before.clone())),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, out);
            }
        }
    }
}

/// Returns the absolute form of a path as written in the module at `path`; `None` for other crates
/// and local names.
fn absolute(path: &ModulePath, children: &[String], written: &[String]) -> Option<ModulePath> {
    let first = written.first()?.as_str();
    match first {
        "crate" => Some(joined(&path[..1], written[1..].iter().cloned())),
        "self" => Some(joined(path, written[1..].iter().cloned())),
        "super" => {
            let ups = written
                .iter()
                .take_while(|segment| *segment == "super")
                .count();
            let base = path.get(..path.len().checked_sub(ups)?)?;
            Some(joined(base, written[ups..].iter().cloned()))
        }
        _ if children.iter().any(|child| child == first) => {
            Some(joined(path, written.iter().cloned()))
        }
        _ => None,
    }
}

/// Collects every path of two or more segments in `tokens`, including those in macros.
fn paths(tokens: TokenStream, out: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    finish(&mut path, out);
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
            TokenTree::Group(group) => {
                finish(&mut path, out);
                colons = 0;
                paths(group.stream(), out);
            }
            _ => {
                finish(&mut path, out);
                colons = 0;
            }
        }
    }
    finish(&mut path, out);
}

fn finish(path: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
    let path = std::mem::take(path);
    if path.len() > 1 {
        out.push(path);
    }
}

fn definition(item: &Item) -> Option<Definition> {
    let (name, fields) = match item {
        Item::Struct(item) => (item.ident.to_string(), item.fields.len()),
        Item::Enum(item) => (item.ident.to_string(), 0),
        Item::Trait(item) => (item.ident.to_string(), 0),
        Item::Type(item) => (item.ident.to_string(), 0),
        Item::Fn(item) => (item.sig.ident.to_string(), 0),
        Item::Const(item) => (item.ident.to_string(), 0),
        Item::Static(item) => (item.ident.to_string(), 0),
        _ => return None,
    };
    Some(Definition { name, fields })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                list.tokens
                    .to_string()
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|word| word == "test")
            })
    })
}

fn joined(before: &[String], after: impl IntoIterator<Item = String>) -> ModulePath {
    before.iter().cloned().chain(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(files: &[(&str, &str)]) -> Vec<Module> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source {
                path: (*path).into(),
                text: (*text).into(),
            })
            .collect();
        parse(&sources.iter().collect::<Vec<_>>())
    }

    #[test]
    fn files_have_places_in_the_module_tree() {
        for (file, expected) in [
            ("engine/data/src/corpus/mod.rs", "engine/data corpus"),
            ("app/src/main.rs", "app"),
            ("app/src/state/run.rs", "app state run"),
        ] {
            assert_eq!(module_path(file).join(" "), expected);
        }
    }

    #[test]
    fn paths_are_absolute_and_tests_are_left_out() {
        let modules = parsed(&[(
            "a/src/b/c.rs",
            "use super::d::{E, self as f}; use std::io; mod g;\n\
             fn h() { g::i(); view! { crate::j::k() } }\n\
             #[cfg(test)] mod tests { use super::super::x::Y; }",
        )]);
        let uses: Vec<String> = modules[0].uses.iter().map(|path| path.join(" ")).collect();
        assert_eq!(uses, ["a b d E", "a b d", "a b c g i", "a j k"]);
    }
}
