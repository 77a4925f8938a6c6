//! Names use the field's terms: words that the project has replaced must not return.

use super::modules::Module;

/// Words in names of items, each with its replacement.
const REPLACED: [(&str, &str); 22] = [
    ("most", "max"),
    ("least", "min"),
    ("told", "a verb of what the function does"),
    ("said", "the message"),
    ("hear", "receive"),
    ("hears", "receives"),
    ("heed", "handle"),
    ("breathe", "yield_now"),
    ("amid", "during"),
    ("guess", "predict"),
    ("guesses", "predictions"),
    ("floors", "entropy_baselines"),
    ("leaves", "params"),
    ("learned", "trained"),
    ("specimen", "masked_text"),
    ("eye", "view"),
    ("ear", "control"),
    ("wish", "ControlFlow"),
    ("lab", "context"),
    ("film", "preview_history"),
    ("ink", "color_role"),
    ("judged", "predicted"),
];

/// Returns one finding per item, e.g. `name app/src/a.rs LabView (say: context)`.
pub fn findings(modules: &[Module]) -> Vec<String> {
    modules
        .iter()
        .flat_map(|module| module.items.iter().map(move |item| (module, item)))
        .filter(|(module, _)| !module.is_test)
        .filter_map(|(module, item)| {
            let better = words(&item.name)
                .iter()
                .find_map(|word| replacement(word))?;
            Some(format!(
                "name {} {} (say: {better})",
                module.file, item.name
            ))
        })
        .collect()
}

fn replacement(word: &str) -> Option<&'static str> {
    let (_, better) = REPLACED.iter().find(|(replaced, _)| *replaced == word)?;
    Some(better)
}

/// Splits a name into words: `MaxLines`, `max_lines` and `MAX_LINES` become `max` and `lines`.
fn words(name: &str) -> Vec<String> {
    let is_constant = name.chars().all(|letter| !letter.is_lowercase());
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() && !is_constant {
            words.push(String::new());
        }
        if letter != '_' {
            let word = words.last_mut().expect("there is always one");
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words() {
        for (name, expected) in [
            ("MaxLines", "max lines"),
            ("max_lines", "max lines"),
            ("MAX_LINES", "max lines"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
    }
}
