//! Held-out documents that are nearly training documents: a score on them says what was memorised. Documents are compared
//! by sketches of their runs of five characters (Broder 1997, "On the resemblance and containment of documents").

use super::Document;
use std::collections::{BTreeSet, HashMap};

/// Characters of a run.
const RUN: usize = 5;
/// Runs that a sketch keeps: of a longer document those with the smallest hashes, which are a fair sample.
const SKETCH: usize = 64;
/// Share of common runs from which two documents are near-duplicates.
const NEAR: f64 = 0.8;
/// A run in more training documents than this finds no candidates: near-duplicates share rarer ones, too.
const MAX_POSTINGS: usize = 1000;

/// Sketches of training documents.
#[derive(Debug, Default)]
pub struct TrainingSketches {
    sketches: Vec<Vec<u32>>,
    /// Training documents with a run, by its hash.
    documents_with: HashMap<u32, Vec<u32>>,
}

impl TrainingSketches {
    /// Adds a training document.
    pub fn add(&mut self, document: &Document) {
        let (number, sketch) = (self.sketches.len() as u32, sketch(document));
        for &hash in &sketch {
            let documents = self.documents_with.entry(hash).or_default();
            // One more than are looked at says that there are too many.
            if documents.len() <= MAX_POSTINGS {
                documents.push(number);
            }
        }
        self.sketches.push(sketch);
    }

    /// Whether a training document has at least 80 % of its runs in common with `document`, of those of both. Upper case,
    /// punctuation and white space don't count.
    pub fn has(&self, document: &Document) -> bool {
        let sketch = sketch(document);
        let mut common: HashMap<u32, usize> = HashMap::new();
        let postings = sketch.iter().filter_map(|hash| self.documents_with.get(hash));
        for documents in postings.filter(|documents| documents.len() <= MAX_POSTINGS) {
            documents.iter().for_each(|&document| *common.entry(document).or_default() += 1);
        }
        // Frequent runs found nobody, so that fewer hits than are needed are worth a comparison.
        let is_worth = |hits: usize| 4 * hits >= sketch.len();
        let is_near = |other: u32| resemblance(&sketch, &self.sketches[other as usize]) >= NEAR;
        common.into_iter().any(|(other, hits)| is_worth(hits) && is_near(other))
    }
}

/// The smallest hashes of the runs of a document, ascending; of a document shorter than a run, the hash of all of it; of one
/// without letters and digits, none.
fn sketch(document: &Document) -> Vec<u32> {
    let mut characters: Vec<char> = Vec::new();
    for text in document.texts() {
        let plain = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
        characters.extend(plain);
        // Between the texts of a pair.
        characters.push('\t');
    }
    characters.pop();
    if characters.iter().all(|c| *c == '\t') {
        return Vec::new();
    }
    let runs = characters.windows(RUN.min(characters.len()));
    let hashes: BTreeSet<u32> = runs.map(hash).collect();
    hashes.into_iter().take(SKETCH).collect()
}

/// Share of common hashes among the smallest ones of both sketches.
fn resemblance(a: &[u32], b: &[u32]) -> f64 {
    let both: BTreeSet<u32> = a.iter().chain(b).copied().collect();
    let smallest = both.into_iter().take(SKETCH.min(a.len().max(b.len())));
    let (mut all, mut common) = (0_usize, 0_usize);
    for hash in smallest {
        all += 1;
        common += usize::from(a.binary_search(&hash).is_ok() && b.binary_search(&hash).is_ok());
    }
    common as f64 / all.max(1) as f64
}

/// FNV-1a, 32 bits, mixed by MurmurHash3's finaliser, without which the smallest hashes would be no fair sample.
fn hash(run: &[char]) -> u32 {
    let mut hash = run.iter().fold(0x811c_9dc5_u32, |hash, c| (hash ^ u32::from(*c)).wrapping_mul(0x0100_0193));
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        let (text, second) = text.split_once('\t').map_or((text, None), |(a, b)| (a, Some(b.to_string())));
        Document { text: text.into(), second, labels: Vec::new(), file: 0, line: 1, block: 0 }
    }

    fn near(train: &[&str], held_out: &str) -> bool {
        let mut known = TrainingSketches::default();
        train.iter().for_each(|text| known.add(&document(text)));
        known.has(&document(held_out))
    }

    const TICKET: &str = "The washing machine stopped in the middle of its cycle and the door will not open any more.";

    #[test]
    fn small_changes_make_near_duplicates_and_other_texts_none() {
        let train = ["My parcel has not arrived although it was sent two weeks ago.", TICKET];
        assert!(near(&train, TICKET));
        assert!(near(&train, &TICKET.to_uppercase().replace(' ', "  ")));
        assert!(near(&train, &TICKET.replace("will not", "won't")));
        assert!(!near(&train, "The washing machine leaks, and nobody has come to look at it for several days now."));
        assert!(!near(&train, "My invoice has not arrived although it was promised."));
    }

    #[test]
    fn long_texts_are_compared_by_a_sample() {
        let words: Vec<String> = (0..3000_u32).map(|i| format!("w{}", i.wrapping_mul(2_654_435_761))).collect();
        let long = words.join(" ");
        let changed = |count: usize| [vec!["other".to_string(); count], words[count..].to_vec()].concat().join(" ");
        assert!(near(&[&long], &changed(60)));
        assert!(!near(&[&long], &changed(1500)));
    }

    #[test]
    fn short_texts_and_pairs_are_compared_whole() {
        assert!(near(&["No!"], "no"));
        assert!(!near(&["No!"], "now"));
        assert!(!near(&["", "?!"], "..."));
        assert!(near(&["红楼梦是一部古典小说"], "红楼梦，是一部古典小说。"));
        assert!(near(&["is it raining\tyes it is"], "Is it raining?\tYes, it is."));
        assert!(!near(&["is it raining\tyes it is"], "yes it is\tis it raining"));
    }

    #[test]
    fn runs_that_all_documents_share_cost_no_time_and_hide_nothing() {
        let mut known = TrainingSketches::default();
        let ticket =
            |i: u32| document(&format!("Dear support team, ticket {}: regards", i.wrapping_mul(2_654_435_761)));
        (0..20_000).for_each(|i| known.add(&ticket(i)));
        assert!(known.documents_with.values().all(|documents| documents.len() <= MAX_POSTINGS + 1));
        assert!(known.has(&ticket(17)));
        assert!(!known.has(&document("A text about something else altogether, which nobody sent before.")));
    }
}
