//! Classifies columns by name: text, labels, row numbers.

/// Names of columns that hold text, likeliest first.
const TEXT_NAMES: [&str; 48] = [
    "text",
    "sentence",
    "content",
    "fact",
    "review",
    "review_text",
    "document",
    "body",
    "comment",
    "message",
    "question",
    "comment_text",
    "review_body",
    "tweet",
    "utterance",
    "abstract",
    "description",
    "transcript",
    "passage",
    "paragraph",
    "query",
    "post",
    "answer",
    "reply",
    "verbatim",
    "feedback",
    "full_text",
    "messages",
    "conversations",
    "conversation",
    "dialog",
    "文本",
    "内容",
    "正文",
    "评论",
    "テキスト",
    "本文",
    "ข้อความ",
    "texte",
    "texto",
    "testo",
    "tekst",
    "текст",
    "nachricht",
    "beschreibung",
    "comentario",
    "commentaire",
    "descripción",
];

/// Names of short texts that head a longer one, likeliest first.
const TITLE_NAMES: [&str; 12] = [
    "title",
    "headline",
    "subject",
    "summary",
    "heading",
    "标题",
    "タイトル",
    "betreff",
    "titel",
    "título",
    "titre",
    "objet",
];

/// Words that mark a longer name as that of a text.
const TEXT_WORDS: [&str; 14] = [
    "text",
    "sentence",
    "review",
    "comment",
    "message",
    "content",
    "body",
    "tweet",
    "utterance",
    "description",
    "abstract",
    "document",
    "feedback",
    "transcript",
];

/// Names of columns that hold labels, likeliest first.
const LABEL_NAMES: [&str; 46] = [
    "gold_label",
    "label",
    "labels",
    "cats",
    "accept",
    "category",
    "categories",
    "class",
    "classes",
    "sentiment",
    "intent",
    "intents",
    "topic",
    "topics",
    "tag",
    "tags",
    "label_name",
    "label_text",
    "class_name",
    "category_name",
    "meta.accusation",
    "accusation",
    "annotations",
    "annotation",
    "completions",
    "target",
    "emotion",
    "emotions",
    "polarity",
    "stance",
    "is_duplicate",
    "genre",
    "stars",
    "rating",
    "overall",
    "标签",
    "类别",
    "分类",
    "ラベル",
    "カテゴリ",
    "ป้าย",
    "kategorie",
    "catégorie",
    "étiquette",
    "etiqueta",
    "метка",
];

/// Words that mark a longer name as that of labels, unless it also has one of [`ABOUT_LABELS`].
const LABEL_WORDS: [&str; 12] = [
    "label",
    "labels",
    "category",
    "sentiment",
    "intent",
    "emotion",
    "class",
    "topic",
    "polarity",
    "stance",
    "genre",
    "rating",
];
/// Words that mark a name as being about labels or texts without holding any.
const ABOUT_LABELS: [&str; 14] = [
    "confidence",
    "score",
    "scores",
    "id",
    "ids",
    "annotator",
    "annotators",
    "reason",
    "count",
    "counts",
    "probability",
    "time",
    "date",
    "text",
];

/// Words of columns that likely hold the classes of a text, in several languages.
const CLASS_WORDS: [&str; 20] = [
    "queue",
    "department",
    "team",
    "type",
    "kind",
    "area",
    "product",
    "issue",
    "problem",
    "subcategory",
    "bereich",
    "abteilung",
    "thema",
    "typ",
    "art",
    "tipo",
    "tema",
    "rubrique",
    "département",
    "тип",
];
/// Words of columns that hold other information about a text, such as its source.
const OTHER_WORDS: [&str; 22] = [
    "priority", "status", "state", "severity", "channel", "language", "lang", "country", "city",
    "region", "gender", "age", "agent", "source", "platform", "version", "year", "month", "day",
    "user", "author", "split",
];

/// Scores how likely a column of this name holds the classes when several columns have repeated
/// values: positive if likely, negative if unlikely.
pub fn class_likelihood(name: &str) -> i32 {
    let words = words(name);
    let any = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    i32::from(any(&CLASS_WORDS)) - i32::from(any(&OTHER_WORDS))
}

/// Names of columns that number the rows, which are neither text nor label. The name of an index
/// written by pandas is empty.
const NUMBER_NAMES: [&str; 10] = [
    "",
    "id",
    "idx",
    "index",
    "no",
    "nr",
    "number",
    "unnamed: 0",
    "guid",
    "uuid",
];
/// Those of [`NUMBER_NAMES`] that never occur as a text or a label: a row with one of them is a
/// header.
const HEADER_NAMES: [&str; 6] = ["id", "idx", "index", "unnamed: 0", "guid", "uuid"];

/// Splits a name into lower-case words: `reviewText`, `Review Text` and `review_text` have the same
/// two.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut is_open, mut was_lower) = (false, false);
    for c in name.trim().chars() {
        if !c.is_alphanumeric() && !is_mark(c) {
            is_open = false;
            continue;
        }
        if !is_open || was_lower && c.is_uppercase() {
            words.push(String::new());
        }
        (is_open, was_lower) = (true, c.is_lowercase());
        words
            .last_mut()
            .expect("just made sure of")
            .extend(c.to_lowercase());
    }
    words
}

/// Returns whether a character is a combining mark, such as the vowels and tones of some scripts.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Joins the words of a name with underscores.
pub fn plain(name: &str) -> String {
    words(name).join("_")
}

fn index_in(names: &[&str], name: &str) -> Option<usize> {
    let lower = name.trim().to_lowercase();
    let plain = plain(name);
    names
        .iter()
        .position(|known| *known == lower || *known == plain)
}

/// Returns whether the whole name is a known text name.
pub fn is_text_name(name: &str) -> bool {
    index_in(&TEXT_NAMES, name).is_some()
}

/// How likely a column of this name holds the text; the likeliest name orders first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextName {
    /// A known text name, with its rank.
    Text(usize),
    /// Part of the name is a text name: the last key of `data.text`, or a word of `airline_review`.
    Partly(usize),
    /// A known title name, with its rank.
    Title(usize),
}

/// Classifies a name as that of a text; `None` if nothing suggests it.
pub fn text_name(name: &str) -> Option<TextName> {
    let last = name
        .rsplit('.')
        .next()
        .filter(|last| last.len() < name.len());
    let contained = || {
        let words = words(name);
        TEXT_WORDS
            .iter()
            .position(|known| words.iter().any(|word| word == known))
    };
    // `Subject line`, but not `title_id`.
    let contained_title = || {
        let words = words(name);
        let is_about = words
            .iter()
            .any(|word| ABOUT_LABELS.contains(&word.as_str()));
        TITLE_NAMES
            .iter()
            .position(|known| !is_about && words.iter().any(|word| word == known))
    };
    index_in(&TEXT_NAMES, name)
        .map(TextName::Text)
        .or_else(|| index_in(&TITLE_NAMES, name).map(TextName::Title))
        .or_else(|| {
            last.and_then(|last| index_in(&TEXT_NAMES, last))
                .map(TextName::Partly)
        })
        .or_else(|| contained_title().map(TextName::Title))
        .or_else(|| contained().map(|place| TextName::Partly(TEXT_NAMES.len() + place)))
}

/// Ranks how likely a column of this name holds the labels, 0 being the likeliest; `None` if
/// nothing suggests it.
pub fn label_name(name: &str) -> Option<usize> {
    let contained = || {
        let words = words(name);
        let is_about = words
            .iter()
            .any(|word| ABOUT_LABELS.contains(&word.as_str()));
        let known = LABEL_WORDS
            .iter()
            .position(|known| words.iter().any(|word| word == known));
        known
            .filter(|_| !is_about)
            .map(|place| LABEL_NAMES.len() + place)
    };
    let last = name
        .rsplit('.')
        .next()
        .filter(|last| last.len() < name.len());
    let nested = || {
        last.and_then(|last| index_in(&LABEL_NAMES, last))
            .map(|place| 2 * LABEL_NAMES.len() + place)
    };
    index_in(&LABEL_NAMES, name)
        .or_else(contained)
        .or_else(nested)
}

/// Returns whether a rank from [`label_name`] is that of a name in the list of label names.
pub fn is_exact_label(likelihood: usize) -> bool {
    likelihood < LABEL_NAMES.len()
}

/// Returns whether a column of this name is about labels but holds none, such as their confidence.
pub fn is_about_labels(name: &str) -> bool {
    let words = words(name);
    words.len() > 1
        && words
            .iter()
            .any(|word| ABOUT_LABELS.contains(&word.as_str()))
}

/// Returns whether this is the name of a text, a title, a label or another common column.
pub fn is_listed(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    index_in(&TEXT_NAMES, &name).is_some()
        || index_in(&TITLE_NAMES, &name).is_some()
        || index_in(&LABEL_NAMES, &name).is_some()
        || HEADER_NAMES.contains(&name.as_str())
}

/// Returns whether a column of this name holds row numbers or identifiers.
pub fn is_number_name(name: &str) -> bool {
    let lower = name.trim().to_lowercase();
    let words = words(name);
    // `intent_id` is a label, `tweet_id` is not.
    let is_id = words.len() > 1
        && words.last().is_some_and(|word| word == "id")
        && label_name(&words[0]).is_none();
    NUMBER_NAMES.contains(&lower.as_str()) || is_id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words() {
        for (name, expected) in [
            ("reviewText", "review text"),
            ("Review Text", "review text"),
            ("#1 String", "1 string"),
            ("ข้อความ", "ข้อความ"),
            ("  ID ", "id"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn label_columns_are_distinguished_from_label_metadata() {
        for (better, worse) in [
            ("gold_label", "genre"),
            ("Class Name", "Rating"),
            ("label", "label_name"),
        ] {
            assert!(label_name(better) < label_name(worse), "{better} {worse}");
        }
        for name in [
            "airline_sentiment_confidence",
            "annotator_labels_id",
            "label_id",
            "user",
            "text",
        ] {
            assert_eq!(label_name(name), None, "{name}");
        }
        assert!(label_name("airline_sentiment").is_some() && label_name("meta.label").is_some());
    }

    #[test]
    fn text_columns_are_distinguished_from_titles() {
        assert!(text_name("Review Text") < text_name("Title"));
        assert!(text_name("text") < text_name("data.text"));
        assert!(matches!(
            text_name("Subject line"),
            Some(TextName::Title(_))
        ));
        assert!(
            class_likelihood("Queue") > class_likelihood("x")
                && class_likelihood("Ticket priority") < 0
        );
        assert!(text_name("reviewText").is_some() && text_name("airline").is_none());
        assert!(is_number_name("tweet_id") && is_number_name("") && !is_number_name("intent_id"));
    }
}
