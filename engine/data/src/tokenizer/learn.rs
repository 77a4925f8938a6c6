//! Learns the tokens of a vocabulary from texts. Sub-words are learned as by Hugging Face's
//! `WordPieceTrainer`: byte-pair-style merges of the most frequent neighbours. Ties go to the
//! earlier tokens, so that the same text yields the same vocabulary everywhere.
//!
//! Source: Sennrich et al. 2016, algorithm 1; Hugging Face `tokenizers`, `models/bpe/trainer.rs`.

use super::model::Model;
use super::normalize::{Normalization, Splitting, normalize, split};
use super::wordpiece::{MAX_UNSPACED_CHARS, WordPiece};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

/// Default minimum frequency: rarer tokens teach nothing, and the text must contain some unknown
/// words for `[UNK]` to be learned.
pub(super) const MIN_FREQUENCY: u64 = 2;

/// Maximum characters that take part in merges; rarer ones are added unmerged if there is room.
/// Hugging Face's default.
const LIMIT_ALPHABET: usize = 1000;

/// Percentage of the vocabulary that characters may take up in a script without spaces: a single
/// unknown one makes a whole paragraph unknown (docs/recipes.md, "Scripts without spaces").
const UNSPACED_ALPHABET_PERCENT: usize = 75;

/// Maximum distinct phrases that are counted in a script without spaces; they are long, and few
/// occur twice.
const MAX_PHRASES: usize = 1 << 18;

/// Maximum distinct words that are counted at once; beyond this the rarest are dropped, as in
/// word2vec (Mikolov et al. 2013, `ReduceVocab`), so that no corpus is too large.
const MAX_WORDS: usize = 2 << 20;

/// Distinct words of the texts with their frequencies.
#[derive(Clone, Debug, Default)]
pub(super) struct WordCounts {
    counts: HashMap<String, u64>,
    word: String,
    /// Words that occurred at most this often have been dropped.
    forgotten: u64,
}

impl WordCounts {
    /// Counts the words of one more text. In a script without spaces, phrases that are too long for
    /// `model` are skipped, and all further ones once there are [`MAX_PHRASES`].
    pub fn take(
        &mut self,
        text: &str,
        model: &Model,
        normalization: Normalization,
        splitting: Splitting,
    ) {
        let is_unspaced = matches!(model, Model::WordPiece(model) if model.prefix().is_empty());
        let glyphs = normalize(text, normalization);
        for range in split(&glyphs, splitting) {
            if is_unspaced && (range.len() > MAX_UNSPACED_CHARS || self.counts.len() >= MAX_PHRASES)
            {
                continue;
            }
            self.word.clear();
            self.word
                .extend(glyphs[range].iter().map(|glyph| glyph.character));
            match self.counts.get_mut(&self.word) {
                Some(count) => *count += 1,
                None => drop(self.counts.insert(self.word.clone(), 1)),
            }
        }
        while self.counts.len() > MAX_WORDS {
            self.forgotten += 1;
            self.counts.retain(|_, count| *count > self.forgotten);
        }
    }

    /// Returns the words in sorted order.
    pub fn finish(self) -> Vec<(String, u64)> {
        let mut words: Vec<(String, u64)> = self.counts.into_iter().collect();
        words.sort_unstable();
        words
    }
}

/// Returns up to `room` of `words` that occur at least `min_count` times, most frequent first.
pub(super) fn frequent(words: &[(String, u64)], room: usize, min_count: u64) -> Vec<String> {
    let special = |word: &String| super::vocabulary::SPECIAL_NAMES.contains(&word.as_str());
    let mut frequent: Vec<&(String, u64)> = words
        .iter()
        .filter(|(word, count)| *count >= min_count && !special(word))
        .collect();
    // The sort is stable: words of equal frequency stay in alphabetical order.
    frequent.sort_by_key(|(_, count)| Reverse(*count));
    frequent
        .into_iter()
        .take(room)
        .map(|(word, _)| word.clone())
        .collect()
}

/// Returns up to `room` pieces of `model` that spell `words` well: first the alphabet, then merges,
/// most frequent first, that occur at least `min_count` times (2 by default). Words that are too
/// long for the model are skipped.
pub(super) fn word_pieces(
    words: &[(String, u64)],
    room: usize,
    min_count: Option<u64>,
    model: &WordPiece,
) -> Vec<String> {
    let is_spelled = |word: &str| word.chars().count() <= model.max_chars();
    let spelled: Vec<&(String, u64)> = words.iter().filter(|(word, _)| is_spelled(word)).collect();
    let mut characters = count_characters(&spelled);
    let min_frequency = min_count.unwrap_or(MIN_FREQUENCY);
    // By default the alphabet may include rare characters; an explicit minimum excludes them.
    if min_count.is_some() {
        characters
            .retain(|_, occurrences| occurrences.beginning + occurrences.within >= min_frequency);
    }
    let mut learner = Learner {
        prefix: model.prefix().into(),
        least: min_frequency,
        ..Learner::default()
    };
    let alphabet = if model.prefix().is_empty() {
        room.saturating_mul(UNSPACED_ALPHABET_PERCENT) / 100
    } else {
        LIMIT_ALPHABET.min(room / 2)
    };
    learner.take_alphabet(&characters, alphabet);
    learner.take_words(&spelled);
    while learner.tokens.len() < room && learner.merge_most_frequent() {}
    learner.take_rare_characters(&characters, room);
    learner.tokens
}

/// How often a character begins a word, and how often it continues one.
#[derive(Clone, Copy, Default)]
struct Occurrences {
    beginning: u64,
    within: u64,
}

fn count_characters(words: &[&(String, u64)]) -> BTreeMap<char, Occurrences> {
    let mut characters: BTreeMap<char, Occurrences> = BTreeMap::new();
    for (word, count) in words {
        for (index, character) in word.chars().enumerate() {
            let occurrences = characters.entry(character).or_default();
            *(if index == 0 {
                &mut occurrences.beginning
            } else {
                &mut occurrences.within
            }) += count;
        }
    }
    characters
}

/// Two adjacent tokens.
type Pair = (u32, u32);

/// Number of occurrences of a pair, and the words it occurs in. A word may have lost the pair
/// since.
#[derive(Default)]
struct Places {
    count: u64,
    words: Vec<u32>,
}

#[derive(Default)]
struct Learner {
    /// Prefix of a piece that continues a word.
    prefix: String,
    /// Minimum frequency of a merged pair or a rare character.
    least: u64,
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
    /// Tokens and frequency of each word.
    words: Vec<(Vec<u32>, u64)>,
    pairs: HashMap<Pair, Places>,
    /// Pairs by descending frequency, the earlier tokens first on ties. An entry may be stale:
    /// `pairs` has the current count.
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
}

impl Learner {
    fn add(&mut self, token: String) -> u32 {
        if let Some(&id) = self.ids.get(&token) {
            return id;
        }
        let id = self.tokens.len() as u32;
        self.ids.insert(token.clone(), id);
        self.tokens.push(token);
        id
    }

    /// Adds the `limit` most frequent characters, each as the beginning of a word and, if it occurs
    /// there, inside one.
    fn take_alphabet(&mut self, characters: &BTreeMap<char, Occurrences>, limit: usize) {
        let mut by_count: Vec<(char, Occurrences)> =
            characters.iter().map(|(c, n)| (*c, *n)).collect();
        by_count
            .sort_by_key(|(_, occurrences)| Reverse(occurrences.beginning + occurrences.within));
        by_count.truncate(limit);
        by_count.sort_by_key(|(character, _)| *character);
        for (character, _) in &by_count {
            self.add(character.to_string());
        }
        for (character, _) in by_count
            .iter()
            .filter(|(_, occurrences)| occurrences.within > 0)
        {
            self.add(format!("{}{character}", self.prefix));
        }
    }

    /// Spells `words` in the alphabet; characters outside it are skipped.
    fn take_words(&mut self, words: &[&(String, u64)]) {
        let mut token = String::new();
        for (word, count) in words {
            let mut spelling = Vec::new();
            for (index, character) in word.chars().enumerate() {
                token.clear();
                token.push_str(if index > 0 { &self.prefix } else { "" });
                token.push(character);
                spelling.extend(self.ids.get(&token));
            }
            self.count_pairs(&spelling, *count);
            self.words.push((spelling, *count));
        }
        self.queue = self
            .pairs
            .iter()
            .map(|(pair, places)| (places.count, Reverse(*pair)))
            .collect();
    }

    /// Counts the pairs of the next word.
    fn count_pairs(&mut self, spelling: &[u32], count: u64) {
        for pair in spelling.windows(2) {
            let places = self.pairs.entry((pair[0], pair[1])).or_default();
            places.count += count;
            places.words.push(self.words.len() as u32);
        }
    }

    /// Merges the most frequent pair everywhere. Returns `false` if none is frequent enough.
    fn merge_most_frequent(&mut self) -> bool {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let current = self.pairs.get(&pair).map_or(0, |places| places.count);
            if current != count {
                // Stale: requeue it with its current count.
                if current >= self.least {
                    self.queue.push((current, Reverse(pair)));
                }
                continue;
            }
            if count < self.least {
                return false;
            }
            self.merge(pair);
            return true;
        }
        false
    }

    fn merge(&mut self, pair: Pair) {
        let [first, second] = [pair.0, pair.1].map(|id| &self.tokens[id as usize]);
        let joined = format!(
            "{first}{}",
            second.strip_prefix(&self.prefix).unwrap_or(second)
        );
        let joined = self.add(joined);
        let mut places = self.pairs.remove(&pair).unwrap_or_default().words;
        places.dedup();
        let mut changed = Vec::new();
        for index in places {
            let (spelling, count) = &mut self.words[index as usize];
            join(spelling, pair, joined, &mut |old, new| {
                if let Some(places) = self.pairs.get_mut(&old) {
                    places.count = places.count.saturating_sub(*count);
                }
                let places = self.pairs.entry(new).or_default();
                places.count += *count;
                places.words.push(index);
                changed.push(new);
            });
        }
        changed.sort_unstable();
        changed.dedup();
        let count = |pair: &Pair| self.pairs.get(pair).map_or(0, |places| places.count);
        self.queue
            .extend(changed.iter().map(|pair| (count(pair), Reverse(*pair))));
    }

    /// Fills the remaining room with characters outside the alphabet: in Chinese, thousands of them
    /// are words.
    fn take_rare_characters(&mut self, characters: &BTreeMap<char, Occurrences>, room: usize) {
        let mut rare = Vec::new();
        for (character, occurrences) in characters {
            if self.prefix.is_empty() {
                rare.push((
                    occurrences.beginning + occurrences.within,
                    character.to_string(),
                ));
            } else {
                rare.push((occurrences.beginning, character.to_string()));
                rare.push((occurrences.within, format!("{}{character}", self.prefix)));
            }
        }
        rare.retain(|(count, token)| *count >= self.least && !self.ids.contains_key(token));
        rare.sort_by_key(|(count, _)| Reverse(*count));
        for (_, token) in rare
            .into_iter()
            .take(room.saturating_sub(self.tokens.len()))
        {
            self.add(token);
        }
    }
}

/// Merges each `pair` in `spelling`, from left to right, and reports each adjacent pair that
/// changed.
fn join(spelling: &mut Vec<u32>, pair: Pair, joined: u32, changed: &mut dyn FnMut(Pair, Pair)) {
    let mut index = 0;
    while index + 1 < spelling.len() {
        if (spelling[index], spelling[index + 1]) == pair {
            if index > 0 {
                changed((spelling[index - 1], pair.0), (spelling[index - 1], joined));
            }
            if let Some(&next) = spelling.get(index + 2) {
                changed((pair.1, next), (joined, next));
            }
            spelling[index] = joined;
            spelling.remove(index + 1);
        }
        index += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(words: &[(&str, u64)]) -> Vec<(String, u64)> {
        let mut words: Vec<(String, u64)> = words
            .iter()
            .map(|(word, count)| ((*word).into(), *count))
            .collect();
        words.sort_unstable();
        words
    }

    fn check(words: &[(&str, u64)], room: usize, expected: &[&str]) {
        assert_eq!(
            word_pieces(&counted(words), room, None, &WordPiece::default()),
            expected
        );
    }

    #[test]
    fn frequent_neighbours_are_merged_first() {
        let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)];
        let alphabet = ["d", "e", "i", "l", "n", "o", "r", "s", "t", "w"];
        let within = ["##d", "##e", "##i", "##o", "##r", "##s", "##t", "##w"];
        let merges = ["##es", "##est", "lo", "low", "ne", "##west", "newest"];
        let all = [&alphabet[..], &within, &merges].concat();
        check(&words, 25, &all);
        check(&words, 21, &all[..21]);
    }

    #[test]
    fn pairs_that_occur_once_are_not_merged() {
        check(&[("ab", 1)], 20, &["a", "b", "##b"]);
        check(&[("ab", 2)], 20, &["a", "b", "##b", "ab"]);
        check(&[("aaaa", 2)], 20, &["a", "##a", "##aa", "aaa", "aaaa"]);
        check(&[], 20, &[]);
    }

    #[test]
    fn rare_characters_fill_the_remaining_room() {
        // Room for 6 tokens lets 3 characters into the alphabet.
        check(
            &[("a", 9), ("b", 8), ("c", 7), ("d", 6), ("e", 1), ("f", 5)],
            6,
            &["a", "b", "c", "d", "f"],
        );
        check(
            &[("a", 9), ("b", 8), ("c", 7), ("d", 6), ("f", 5), ("g", 4)],
            5,
            &["a", "b", "c", "d", "f"],
        );
    }

    #[test]
    fn min_count_leaves_out_rare_characters() {
        let words = counted(&[("common", 9), ("communes", 9), ("zyx", 3), ("q", 2)]);
        let learned = |min_count| word_pieces(&words, 1000, min_count, &WordPiece::default());
        assert!(
            learned(None).contains(&"zyx".to_string()) && learned(None).contains(&"q".to_string())
        );
        assert!(!learned(Some(3)).contains(&"q".to_string()));
        let pieces = learned(Some(9));
        assert!(pieces.contains(&"common".to_string()), "{pieces:?}");
        assert!(
            !pieces
                .iter()
                .any(|piece| piece.contains(['z', 'y', 'x', 'q'])),
            "{pieces:?}"
        );
    }

    #[test]
    fn words_are_sorted_by_frequency_without_special_tokens() {
        let words = counted(&[("b", 3), ("a", 3), ("[MASK]", 9), ("c", 1), ("d", 7)]);
        assert_eq!(frequent(&words, 10, 2), ["d", "a", "b"]);
        assert_eq!(frequent(&words, 2, 1), ["d", "a"]);
    }
}
