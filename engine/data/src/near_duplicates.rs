//! Finds held-out documents that are near-duplicates of training documents, on which scores reward
//! memorisation. Documents are compared by their shingles of five characters, long ones by a sample
//! of these (Broder 1997, "On the resemblance and containment of documents").

use crate::document::Document;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Length of a shingle in characters.
const SHINGLE_CHARS: usize = 5;
/// Maximum shingles in a sketch: of a longer document, those with the smallest hashes, which are an
/// unbiased sample.
const MAX_SKETCH_LEN: usize = 64;
/// Minimum share of common shingles (Jaccard similarity) of near-duplicates.
const MIN_RESEMBLANCE: f64 = 0.8;
/// Shingles that occur in more training documents than this are not searched for: boilerplate would
/// propose every document.
const MAX_POSTINGS: usize = 1000;
/// Maximum training documents compared with one held-out document, those with the most common
/// shingles first.
const MAX_COMPARED: usize = 64;

/// Searchable sketches of training documents.
#[derive(Debug, Default)]
pub struct TrainingSketches {
    sketches: Vec<Vec<u32>>,
    /// Hashes of whole texts, to find copies of texts whose shingles are all frequent.
    texts: HashSet<u64>,
    /// Pairs of shingle and training document; sorted by [`Self::finish`].
    postings: Vec<(u32, u32)>,
}

impl TrainingSketches {
    /// Adds a training document.
    pub fn add(&mut self, document: &Document) {
        let (Sketch { shingles, text }, number) =
            (Sketch::of(document), self.sketches.len() as u32);
        if shingles.is_empty() {
            return;
        }
        self.texts.insert(text);
        self.postings
            .extend(shingles.iter().map(|shingle| (*shingle, number)));
        self.sketches.push(shingles);
    }

    /// Sorts the index; must be called between the last [`Self::add`] and the first search.
    pub fn finish(&mut self) {
        self.postings.sort_unstable();
    }

    /// Returns whether `document` has at least 80 % of its shingles in common with a training
    /// document. Case, punctuation and white space are ignored.
    pub fn contain_near_duplicate(&self, document: &Document) -> bool {
        let Sketch { shingles, text } = Sketch::of(document);
        if shingles.is_empty() || self.texts.contains(&text) {
            return !shingles.is_empty();
        }
        let mut common: HashMap<u32, usize> = HashMap::new();
        let mut searched = 0;
        for shingle in &shingles {
            let documents = self.documents_with(*shingle);
            if documents.len() <= MAX_POSTINGS {
                searched += 1;
                documents
                    .iter()
                    .for_each(|(_, document)| *common.entry(*document).or_default() += 1);
            }
        }
        // A near-duplicate shares most of the shingles searched for; half is a safe bound for
        // samples.
        let mut candidates: Vec<(usize, u32)> = common
            .into_iter()
            .filter(|(_, hits)| 2 * hits >= searched)
            .map(|(document, hits)| (hits, document))
            .collect();
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        let is_near = |(_, other): &(usize, u32)| {
            resemblance(&shingles, &self.sketches[*other as usize]) >= MIN_RESEMBLANCE
        };
        candidates.iter().take(MAX_COMPARED).any(is_near)
    }

    fn documents_with(&self, shingle: u32) -> &[(u32, u32)] {
        let from = self.postings.partition_point(|(other, _)| *other < shingle);
        let rest = &self.postings[from..];
        &rest[..rest.partition_point(|(other, _)| *other == shingle)]
    }
}

/// Sketch of one document.
struct Sketch {
    /// Smallest hashes of its shingles, ascending. A text shorter than a shingle has one hash of
    /// the whole text; a text without letters and digits has none.
    shingles: Vec<u32>,
    /// Hash of all its letters and digits.
    text: u64,
}

impl Sketch {
    fn of(document: &Document) -> Self {
        let mut characters: Vec<char> = Vec::new();
        for text in document.texts() {
            characters.extend(
                text.chars()
                    .filter(|c| c.is_alphanumeric())
                    .flat_map(char::to_lowercase),
            );
            // Separates the texts of a pair.
            characters.push('\t');
        }
        characters.pop();
        if characters.iter().all(|c| *c == '\t') {
            return Self {
                shingles: Vec::new(),
                text: 0,
            };
        }
        let mut smallest = BTreeSet::new();
        for shingle in characters.windows(SHINGLE_CHARS.min(characters.len())) {
            smallest.insert(shingle_hash(shingle));
            if smallest.len() > MAX_SKETCH_LEN {
                smallest.pop_last();
            }
        }
        Self {
            shingles: smallest.into_iter().collect(),
            text: text_hash(&characters),
        }
    }
}

/// Returns the share of common shingles: exactly if both sketches hold all shingles, else estimated
/// from the smallest hashes of their union.
fn resemblance(a: &[u32], b: &[u32]) -> f64 {
    let both: BTreeSet<u32> = a.iter().chain(b).copied().collect();
    let counted = if a.len().max(b.len()) < MAX_SKETCH_LEN {
        both.len()
    } else {
        MAX_SKETCH_LEN
    };
    let is_common = |hash: &&u32| a.binary_search(hash).is_ok() && b.binary_search(hash).is_ok();
    both.iter().take(counted).filter(is_common).count() as f64 / counted.max(1) as f64
}

/// Hashes a shingle by 32-bit FNV-1a with MurmurHash3's finaliser, without which the smallest
/// hashes would not be an unbiased sample.
fn shingle_hash(shingle: &[char]) -> u32 {
    let mut hash = shingle.iter().fold(0x811c_9dc5_u32, |hash, c| {
        (hash ^ u32::from(*c)).wrapping_mul(0x0100_0193)
    });
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Hashes a whole text by 64-bit FNV-1a over its code points.
fn text_hash(characters: &[char]) -> u64 {
    let step =
        |hash: u64, c: &char| (hash ^ u64::from(u32::from(*c))).wrapping_mul(0x0100_0000_01b3);
    characters.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        let (text, second) = text
            .split_once('\t')
            .map_or((text, None), |(a, b)| (a, Some(b.to_string())));
        Document {
            text: text.into(),
            second,
            labels: Vec::new(),
            file: 0,
            line: 1,
            block: 0,
        }
    }

    fn sketches(train: impl Iterator<Item = Document>) -> TrainingSketches {
        let mut known = TrainingSketches::default();
        train.for_each(|document| known.add(&document));
        known.finish();
        known
    }

    fn near(train: &[&str], held_out: &str) -> bool {
        sketches(train.iter().map(|text| document(text)))
            .contain_near_duplicate(&document(held_out))
    }

    const TICKET: &str = "The washing machine stopped in the middle of its cycle and the door will not open any more.";

    #[test]
    fn only_small_changes_are_near_duplicates() {
        let train = [
            "My parcel has not arrived although it was sent two weeks ago.",
            TICKET,
        ];
        assert!(near(&train, TICKET));
        assert!(near(&train, &TICKET.to_uppercase().replace(' ', "  ")));
        assert!(near(&train, &TICKET.replace("will not", "won't")));
        assert!(!near(
            &train,
            "The washing machine leaks, and nobody has come to look at it for several days now."
        ));
        assert!(!near(
            &train,
            "My invoice has not arrived although it was promised."
        ));
    }

    #[test]
    fn long_texts_are_compared_by_a_sample() {
        let words: Vec<String> = (0..3000_u32)
            .map(|i| format!("w{}", i.wrapping_mul(2_654_435_761)))
            .collect();
        let long = words.join(" ");
        let changed = |count: usize| {
            [vec!["other".to_string(); count], words[count..].to_vec()]
                .concat()
                .join(" ")
        };
        assert!(near(&[&long], &changed(60)));
        assert!(!near(&[&long], &changed(1500)));
    }

    #[test]
    fn short_texts_and_pairs_are_compared_whole() {
        assert!(near(&["No!"], "no"));
        assert!(!near(&["No!"], "now"));
        assert!(!near(&["", "?!"], "..."));
        assert!(near(&["红楼梦是一部古典小说"], "红楼梦，是一部古典小说。"));
        assert!(near(
            &["is it raining\tyes it is"],
            "Is it raining?\tYes, it is."
        ));
        assert!(!near(
            &["is it raining\tyes it is"],
            "yes it is\tis it raining"
        ));
        // 10 shingles each: with 9 in common, 9 of 11 are shared; with 8 in common, 8 of 12.
        assert!(near(&["abcdefghijklmn"], "bcdefghijklmno"));
        assert!(!near(&["abcdefghijklmn"], "cdefghijklmnop"));
    }

    #[test]
    fn boilerplate_proposes_no_candidates_and_hides_no_copies() {
        let ticket = |i: u32| {
            document(&format!(
                "Dear support team, ticket {}: regards",
                i.wrapping_mul(2_654_435_761)
            ))
        };
        let thanks = std::iter::repeat_n(document("Thank you very much."), 3000);
        let known = sketches((0..20_000).map(ticket).chain(thanks));
        assert!(known.contain_near_duplicate(&ticket(17)));
        assert!(
            known.contain_near_duplicate(&document("thank you very much")),
            "all of its shingles are frequent"
        );
        assert!(!known.contain_near_duplicate(&document(
            "A text about something else, which nobody sent before."
        )));
    }
}
