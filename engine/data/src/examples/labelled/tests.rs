//! Tests of `labelled`.

use super::*;

const SPECIALS: Specials = Specials {
    pad: 0,
    unk: 1,
    cls: 2,
    sep: 3,
    mask: 4,
};

fn document(first: &[u32], second: Option<&[u32]>, labels: &[usize]) -> EncodedDocument {
    EncodedDocument {
        first: first.to_vec(),
        second: second.map(Into::into),
        labels: labels.to_vec(),
    }
}

#[test]
fn windows_hold_each_token_once() {
    for (length, max_len, expected) in [
        (5, 10, &[5][..]),
        (9, 6, &[3, 3, 3]),
        (10, 6, &[4, 4, 2]),
        (3, 1, &[1, 1, 1]),
    ] {
        let tokens: Vec<u32> = (0..length).collect();
        let document = EncodedDocument {
            first: tokens.clone(),
            second: None,
            labels: Vec::new(),
        };
        let windows = document.windows(max_len);
        assert_eq!(
            windows
                .iter()
                .map(|window| window.first.len())
                .collect::<Vec<_>>(),
            expected
        );
        assert_eq!(
            windows
                .into_iter()
                .flat_map(|window| window.first)
                .collect::<Vec<_>>(),
            tokens
        );
    }
}

#[test]
fn special_tokens_are_added_and_the_longer_text_is_truncated_first() {
    let (a, b) = (&[10, 11, 12, 13, 14][..], &[20, 21][..]);
    for (document, max_len, ids, second) in [
        (document(a, None, &[]), 9, vec![2, 10, 11, 12, 13, 14, 3], 7),
        (document(a, None, &[]), 4, vec![2, 10, 11, 3], 4),
        (document(&[], None, &[]), 4, vec![2, 3], 2),
        (
            document(a, Some(b), &[]),
            10,
            vec![2, 10, 11, 12, 13, 14, 3, 20, 21, 3],
            7,
        ),
        (
            document(a, Some(b), &[]),
            8,
            vec![2, 10, 11, 12, 3, 20, 21, 3],
            5,
        ),
        (
            document(a, Some(b), &[]),
            7,
            vec![2, 10, 11, 3, 20, 21, 3],
            4,
        ),
        (document(a, Some(b), &[]), 6, vec![2, 10, 11, 3, 20, 3], 4),
        (
            document(b, Some(a), &[]),
            8,
            vec![2, 20, 21, 3, 10, 11, 12, 3],
            4,
        ),
        (document(a, Some(b), &[]), 2, vec![2, 3], 2),
    ] {
        assert_eq!(
            document.assemble(&SPECIALS, max_len),
            (ids, second),
            "{document:?} {max_len}"
        );
    }
}

#[test]
fn encoded_documents_round_trip() {
    let expected = [
        document(&[10, 11], None, &[2]),
        document(&[], Some(&[]), &[]),
        document(&[12], Some(&[13, 1]), &[0, 1]),
    ];
    let encoded = EncodedDocuments::in_memory(expected.iter().cloned(), 100);
    assert_eq!(
        (0..3)
            .map(|index| encoded.document(index))
            .collect::<Vec<_>>(),
        expected
    );
    let lengths: Vec<usize> = expected.iter().map(EncodedDocument::length).collect();
    assert_eq!(
        (0..3)
            .map(|index| encoded.length(index))
            .collect::<Vec<_>>(),
        lengths
    );
    assert_eq!(encoded.share_of(SPECIALS.unk), 1.0 / 5.0);
    let again =
        EncodedDocuments::restored(encoded.texts().clone(), &encoded.marks(), 3).expect("fits");
    assert_eq!(
        (0..3)
            .map(|index| again.document(index))
            .collect::<Vec<_>>(),
        expected
    );
    for (marks, classes) in [
        (&encoded.marks()[4..], 3),
        (&encoded.marks()[..16], 3),
        (&encoded.marks(), 2),
    ] {
        assert!(EncodedDocuments::restored(encoded.texts().clone(), marks, classes).is_none());
    }
}

#[test]
fn shares_equal_the_published_loop() {
    for (a, b, room) in
        (0..8).flat_map(|a| (0..8).flat_map(move |b| (0..12).map(move |room| (a, b, room))))
    {
        let (mut x, mut y) = (a, b);
        while x + y > room {
            *(if x > y { &mut x } else { &mut y }) -= 1;
        }
        assert_eq!(shares(a, b, room), (x, y), "{a} {b} {room}");
    }
}

fn examples(n: u32) -> LabelledExamples {
    let documents = (0..n).map(|i| document(&[10 + i], Some(&[20]), &[i as usize % 3]));
    LabelledExamples::new(
        EncodedDocuments::in_memory(documents, 100),
        SPECIALS,
        3,
        1,
        4,
        6,
    )
}

#[test]
fn batches_are_filled_up_with_rows_of_weight_0() {
    let (places, batch) = examples(5).by_length().nth(1).expect("two batches");
    assert_eq!(places, [4]);
    assert_eq!(batch.ids[..12], [2, 14, 3, 20, 3, 0, 2, 0, 0, 0, 0, 0]);
    assert_eq!(
        batch.attention_mask[..12],
        [1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0]
    );
    assert_eq!(
        batch.token_type_ids[..12],
        [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(
        batch.labels,
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    );
    assert_eq!(batch.row_weights, [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        (
            batch.batch_size,
            batch.max_len,
            batch.masked_positions.len()
        ),
        (4, 6, 0)
    );
}

#[test]
fn evaluation_batches_are_as_long_as_their_documents() {
    let lengths = [40, 3, 60, 4, 20, 5, 90, 6];
    let documents = lengths.map(|length| document(&vec![9; length], None, &[]));
    let documents = EncodedDocuments::in_memory(documents.into_iter(), 100);
    let examples = LabelledExamples::new(documents, SPECIALS, 3, 1, 4, 64);
    let batches: Vec<(Vec<usize>, usize)> = examples
        .by_length()
        .map(|(places, batch)| (places, batch.max_len))
        .collect();
    assert_eq!(batches, [(vec![1, 3, 5, 7], 16), (vec![4, 0, 2, 6], 64)]);
}

#[test]
fn an_epoch_holds_each_document_once_in_its_own_order() {
    let mut examples = examples(10);
    let mut epoch = |epoch| {
        let batches: Vec<Batch> = (0..3).map(|index| examples.batch(epoch, index)).collect();
        let rows = batches
            .iter()
            .flat_map(|batch| batch.ids.chunks(6).map(|row| row[1]).collect::<Vec<_>>());
        rows.filter(|&id| id != 0).collect::<Vec<_>>()
    };
    let (first, second) = (epoch(0), epoch(1));
    assert_eq!(epoch(0), first);
    assert_ne!(first, second);
    for mut order in [first, second] {
        order.sort_unstable();
        assert_eq!(order, (10..20).collect::<Vec<_>>());
    }
}

#[test]
fn fitting_len_covers_a_share_of_the_documents() {
    let documents =
        EncodedDocuments::in_memory((1..=100).map(|n| document(&vec![9; n], None, &[])), 100);
    for (share, expected) in [(1.0, 102), (0.95, 98), (0.0, 3)] {
        assert_eq!(documents.fitting_len(share), expected);
    }
    assert_eq!(
        EncodedDocuments::in_memory(std::iter::empty(), 100).fitting_len(0.5),
        2
    );
}
