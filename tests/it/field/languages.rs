//! Languages other than English: headers, encodings and combining marks.

use super::{NOUNS, cases};

#[test]
fn headers_are_detected_in_any_language() {
    cases(|bench| {
        for (id, words, labels, labelled) in [
            ("T44g", "T44/gb.csv", &["树", "歌", "船"][..], 36),
            ("N01", "N01/thai.csv", NOUNS, 48),
            ("N02", "N02/es.csv", NOUNS, 48),
            ("N03", "N03/de3.csv", NOUNS, 48),
        ] {
            bench.finetune(id, words).learns(labels).labelled(labelled);
        }
        bench
            .train("N05", "pretrain --corpus N05/zh1.csv")
            .ok()
            .documents(40);
    });
}

#[test]
fn encodings_are_detected_and_reported() {
    cases(|bench| {
        bench
            .finetune("T44g", "T44/gb.csv")
            .tells_one_of(&["GBK", "GB18030"]);
        bench
            .finetune("T44s", "T44/sj.csv")
            .learns(NOUNS)
            .labelled(36)
            .tells_one_of(&["Shift_JIS", "Shift-JIS"]);
        bench
            .finetune("T06", "T06/train.csv")
            .learns(NOUNS)
            .labelled(36)
            .tells(&["windows-1252"]);
    });
}

#[test]
fn lower_case_keeps_the_marks_of_letters() {
    cases(|bench| {
        for (id, corpus, tokens) in [
            ("L02", "L02/thai.txt", &["วันนี้", "เรือ"][..]),
            ("L03", "L03/kurdish.txt", &["ئەو", "ناوچەیە"]),
            ("L04", "L04/turkish.txt", &["çocuk", "öğle", "ırmak"]),
        ] {
            bench
                .train(id, &format!("pretrain --corpus {corpus}"))
                .ok()
                .knows(tokens);
        }
    });
}
