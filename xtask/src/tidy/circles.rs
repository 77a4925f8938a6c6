//! No import cycles between files: of two files, at most one may depend on the other, directly or
//! through others.

use super::modules::{Module, ModulePath};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of re-exports that are followed in a row.
const MAX_HOPS: usize = 8;

/// Returns one finding per cycle, which lists its files.
pub fn findings(modules: &[Module]) -> Vec<String> {
    let graph = graph(modules);
    let mut circles = components(&graph);
    circles.retain(|circle| circle.len() > 1);
    circles
        .iter()
        .map(|circle| {
            let files: Vec<&str> = circle
                .iter()
                .map(|index| modules[*index].file.as_str())
                .collect();
            format!("circle {}", files.join(" "))
        })
        .collect()
}

/// Returns for each module the other modules from which it uses names.
fn graph(modules: &[Module]) -> Vec<BTreeSet<usize>> {
    let indices: BTreeMap<&ModulePath, usize> = modules
        .iter()
        .enumerate()
        .map(|(index, module)| (&module.path, index))
        .collect();
    modules
        .iter()
        .enumerate()
        .map(|(index, module)| {
            if module.is_test {
                return BTreeSet::new();
            }
            let targets = module
                .uses
                .iter()
                .filter_map(|path| resolve(path, modules, &indices));
            targets.filter(|target| *target != index).collect()
        })
        .collect()
}

/// Returns the file that defines the item at `path`: its longest prefix that is a module, then
/// along re-exports.
fn resolve(
    path: &ModulePath,
    modules: &[Module],
    indices: &BTreeMap<&ModulePath, usize>,
) -> Option<usize> {
    let mut path = path.clone();
    for _ in 0..MAX_HOPS {
        let (index, rest) = (1..=path.len())
            .rev()
            .find_map(|end| Some((*indices.get(&path[..end].to_vec())?, &path[end..])))?;
        let module = &modules[index];
        let Some(name) = rest.first() else {
            return Some(index);
        };
        match module.exports.get(name) {
            Some(target) if *target != path => {
                let after = rest[1..].to_vec();
                path = [target.clone(), after].concat();
            }
            _ => return Some(index),
        }
    }
    None
}

/// Returns the strongly connected components (Tarjan 1972), each in the order of the files.
fn components(graph: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        graph,
        index: vec![None; graph.len()],
        low: vec![0; graph.len()],
        stack: Vec::new(),
        next: 0,
        components: Vec::new(),
    };
    for node in 0..graph.len() {
        if search.index[node].is_none() {
            search.visit(node);
        }
    }
    search.components.sort();
    search.components
}

struct Search<'a> {
    graph: &'a [BTreeSet<usize>],
    index: Vec<Option<usize>>,
    low: Vec<usize>,
    stack: Vec<usize>,
    next: usize,
    components: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn visit(&mut self, node: usize) {
        let order = self.next;
        self.next += 1;
        self.index[node] = Some(order);
        self.low[node] = order;
        self.stack.push(node);
        for &next in &self.graph[node] {
            match self.index[next] {
                None => {
                    self.visit(next);
                    self.low[node] = self.low[node].min(self.low[next]);
                }
                Some(index) if self.stack.contains(&next) => {
                    self.low[node] = self.low[node].min(index);
                }
                Some(_) => {}
            }
        }
        if self.low[node] == order {
            let begin = self.stack.iter().position(|&member| member == node);
            let mut component = self.stack.split_off(begin.expect("it was pushed above"));
            component.sort_unstable();
            self.components.push(component);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::modules;
    use super::super::sources::Source;
    use super::*;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source {
                path: (*path).into(),
                text: (*text).into(),
            })
            .collect();
        let modules = modules::parse(&sources.iter().collect::<Vec<_>>());
        assert_eq!(findings(&modules), expected);
    }

    #[test]
    fn files_that_know_each_other_are_a_circle() {
        check(
            &[
                ("a/src/lib.rs", "mod b; mod c;"),
                ("a/src/b.rs", "use crate::c::C; pub struct B;"),
                ("a/src/c.rs", "use super::b::B; pub struct C;"),
            ],
            &["circle a/src/b.rs a/src/c.rs"],
        );
    }

    #[test]
    fn a_re_export_is_no_circle_and_neither_are_tests() {
        check(
            &[
                ("a/src/lib.rs", "mod b; mod c; pub use b::B;"),
                (
                    "a/src/b.rs",
                    "pub struct B; #[cfg(test)] mod tests { use crate::c::C; }",
                ),
                ("a/src/c.rs", "use crate::B; pub struct C;"),
            ],
            &[],
        );
    }
}
