//! The queue of documents to label and the history of what was labelled. Pure: the caller stores
//! what a key press returns.

use protocol::{Annotations, PredictedDocument};

/// What a key press stores: the labels of a text, or `None` to remove them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Text of the document; the texts of a pair are joined by a tab.
    pub text: String,
    /// Its labels.
    pub labels: Option<Vec<String>>,
}

/// Documents to label, and those labelled before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabellingQueue {
    /// Next document last.
    waiting: Vec<PredictedDocument>,
    /// Labels chosen for the current document so far.
    chosen: Vec<String>,
    /// Labelled or skipped documents, with the labels that they had before.
    history: Vec<(PredictedDocument, Option<Vec<String>>)>,
}

impl LabellingQueue {
    /// Returns the document to label.
    pub fn current(&self) -> Option<&PredictedDocument> {
        self.waiting.last()
    }

    /// Returns the labels chosen for it so far.
    pub fn chosen(&self) -> &[String] {
        &self.chosen
    }

    /// Returns the number of documents that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether no document waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.history.is_empty() || !self.chosen.is_empty()
    }

    /// Removes the documents that wait, so that others can be proposed.
    pub fn clear_waiting(&mut self) {
        self.waiting.clear();
        self.chosen.clear();
    }

    /// Adds proposed documents, without those that are labelled, skipped or waiting already.
    pub fn refill(&mut self, documents: Vec<PredictedDocument>, known: &Annotations) {
        for document in documents {
            let is_known = known.contains_key(&document.text)
                || self.waiting.iter().any(|other| other.text == document.text)
                || self
                    .history
                    .iter()
                    .any(|(other, _)| other.text == document.text);
            if !is_known {
                self.waiting.insert(0, document);
            }
        }
    }

    /// Puts chosen documents before those that wait, also if they were skipped.
    pub fn put_first(&mut self, documents: Vec<PredictedDocument>) {
        self.chosen.clear();
        let is_chosen = |text: &str| documents.iter().any(|document| document.text == text);
        self.waiting.retain(|document| !is_chosen(&document.text));
        self.waiting.extend(documents.into_iter().rev());
    }

    /// Chooses a label for the current document. With one label per document it is stored and the
    /// next document follows; otherwise the choice is toggled.
    pub fn press(&mut self, label: &str, is_single: bool, known: &Annotations) -> Option<Stored> {
        self.current()?;
        if is_single {
            self.chosen = vec![label.into()];
            return self.confirm(known);
        }
        match self.chosen.iter().position(|chosen| chosen == label) {
            Some(place) => _ = self.chosen.remove(place),
            None => self.chosen.push(label.into()),
        }
        None
    }

    /// Stores the chosen labels and moves on to the next document; without a choice nothing happens.
    pub fn confirm(&mut self, known: &Annotations) -> Option<Stored> {
        if self.chosen.is_empty() {
            return None;
        }
        let document = self.waiting.pop()?;
        let text = document.text.clone();
        self.history.push((document, known.get(&text).cloned()));
        let labels = Some(std::mem::take(&mut self.chosen));
        Some(Stored { text, labels })
    }

    /// Leaves the current document without labels.
    pub fn skip(&mut self, known: &Annotations) {
        self.chosen.clear();
        if let Some(document) = self.waiting.pop() {
            let labels = known.get(&document.text).cloned();
            self.history.push((document, labels));
        }
    }

    /// Undoes the last choice, or returns to the last document; what it returns restores the labels
    /// that the document had before, if they changed.
    pub fn undo(&mut self, known: &Annotations) -> Option<Stored> {
        if self.chosen.pop().is_some() {
            return None;
        }
        let (document, labels) = self.history.pop()?;
        let text = document.text.clone();
        self.waiting.push(document);
        (known.get(&text) != labels.as_ref()).then_some(Stored { text, labels })
    }
}

/// Returns annotations as JSON Lines, a format that both hosts read as labelled documents.
pub fn to_json_lines(annotations: &Annotations) -> String {
    let mut lines = String::new();
    for (text, labels) in annotations {
        let (text, second) = text.split_once('\t').unwrap_or((text, ""));
        lines.push_str("{\"text\":");
        lines.push_str(&json(text));
        if !second.is_empty() {
            lines.push_str(",\"text_b\":");
            lines.push_str(&json(second));
        }
        let labels: Vec<String> = labels.iter().map(|label| json(label)).collect();
        lines.push_str(&format!(",\"labels\":[{}]}}\n", labels.join(",")));
    }
    lines
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a text is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> PredictedDocument {
        PredictedDocument {
            file: "a.txt".into(),
            line: 1,
            text: text.into(),
            truth: vec![],
            predicted: vec![],
        }
    }

    fn queue(texts: &[&str]) -> LabellingQueue {
        let mut queue = LabellingQueue::default();
        let documents = texts.iter().map(|text| document(text)).collect();
        queue.refill(documents, &Annotations::new());
        queue
    }

    fn current(queue: &LabellingQueue) -> Option<&str> {
        queue.current().map(|document| document.text.as_str())
    }

    #[test]
    fn one_key_labels_a_document_where_each_has_one_label() {
        let (mut queue, known) = (queue(&["one", "two"]), Annotations::new());
        let stored = queue.press("a", true, &known).expect("stored");
        assert_eq!(stored.text, "one");
        assert_eq!(stored.labels, Some(vec!["a".into()]));
        assert_eq!(current(&queue), Some("two"));
        queue.press("b", true, &known);
        assert_eq!(current(&queue), None);
        assert_eq!(queue.press("b", true, &known), None, "nothing waits");
    }

    #[test]
    fn several_labels_are_toggled_and_confirmed() {
        let (mut queue, known) = (queue(&["one"]), Annotations::new());
        assert_eq!(queue.confirm(&known), None, "nothing is chosen");
        for label in ["a", "b", "c", "b"] {
            assert_eq!(queue.press(label, false, &known), None);
        }
        assert_eq!(queue.chosen(), ["a", "c"]);
        let stored = queue.confirm(&known).expect("stored");
        assert_eq!(stored.labels, Some(vec!["a".into(), "c".into()]));
        assert!(queue.is_empty() && queue.chosen().is_empty());
    }

    #[test]
    fn undo_returns_to_a_document_and_its_labels_before() {
        let known = Annotations::from([("one".to_string(), vec!["old".to_string()])]);
        let mut queue = LabellingQueue::default();
        queue.waiting.extend([document("two"), document("one")]);
        queue.press("new", true, &known);
        let now = Annotations::from([("one".to_string(), vec!["new".to_string()])]);
        queue.skip(&now);
        assert_eq!(current(&queue), None);
        assert_eq!(queue.undo(&now), None, "the skipped one had no labels");
        assert_eq!(current(&queue), Some("two"));
        let labelled = queue.undo(&now).expect("the labelled one");
        assert_eq!(labelled.labels, Some(vec!["old".into()]));
        assert_eq!(current(&queue), Some("one"));
        assert_eq!(queue.undo(&known), None);
    }

    #[test]
    fn known_documents_are_not_proposed_again() {
        let mut queue = queue(&["one", "two"]);
        let known = Annotations::from([("three".to_string(), vec![])]);
        queue.skip(&known);
        let documents = ["one", "two", "three", "four"].map(document).to_vec();
        queue.refill(documents, &known);
        assert_eq!(queue.len(), 2);
        assert_eq!(current(&queue), Some("two"));
    }

    #[test]
    fn annotations_are_saved_as_labelled_documents() {
        let annotations = Annotations::from([
            ("a \"b\"".to_string(), vec!["x".to_string()]),
            ("c\td".to_string(), vec!["x".to_string(), "y".to_string()]),
        ]);
        let lines = to_json_lines(&annotations);
        let expected = concat!(
            "{\"text\":\"a \\\"b\\\"\",\"labels\":[\"x\"]}\n",
            "{\"text\":\"c\",\"text_b\":\"d\",\"labels\":[\"x\",\"y\"]}\n",
        );
        assert_eq!(lines, expected);
    }
}
