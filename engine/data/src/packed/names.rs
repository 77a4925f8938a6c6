//! Decodes file names in a ZIP archive. Programs from before 2007, and Windows to this day, write
//! them in a local legacy encoding without declaring which.

use crate::reading::encoding;
use encoding_rs::UTF_8;

/// Decodes the names: as UTF-8 where valid; all others in one encoding that is guessed from them.
pub fn decoded<'a>(names: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<String> {
    let non_utf8: Vec<u8> = names
        .clone()
        .filter(|name| std::str::from_utf8(name).is_err())
        .collect::<Vec<_>>()
        .join(&b'\n');
    let charset = if non_utf8.is_empty() {
        UTF_8
    } else {
        encoding::likely_encoding(&non_utf8)
    };
    let text = |name: &[u8]| match std::str::from_utf8(name) {
        Ok(name) => name.to_string(),
        Err(_) => charset.decode_without_bom_handling(name).0.into_owned(),
    };
    names.map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::Encoding;

    #[test]
    fn names_are_decoded_from_legacy_encodings() {
        for (label, names) in [
            ("gbk", ["评论/正面的评论/一.txt", "评论/负面的评论/二.txt"]),
            (
                "shift_jis",
                [
                    "レビュー/良いレビュー/一.txt",
                    "レビュー/悪いレビュー/二.txt",
                ],
            ),
            ("utf-8", ["отзывы/хорошие/1.txt", "отзывы/плохие/2.txt"]),
        ] {
            let encoding = Encoding::for_label(label.as_bytes()).expect("known");
            let bytes = names.map(|name| encoding.encode(name).0.into_owned());
            assert_eq!(decoded(bytes.iter().map(Vec::as_slice)), names, "{label}");
        }
    }
}
