//! Previews of a text before, during and after a run.

use crate::script::{config, look, losses, maskings, played, pretrain};
use protocol::{Command, Event, MaskKind, MaskedToken};

#[test]
fn previews_improve_during_a_run_and_do_not_change_it() {
    let script = played(vec![look(0), pretrain(), look(0)], vec![]);
    let previews = maskings(&script);
    let (first, last) = (&previews[0], &previews[previews.len() - 1]);
    assert!(
        first.1.is_none() && first.2.iter().all(|token| token.guesses.is_empty()),
        "nobody guesses yet"
    );
    let during: Vec<u64> = previews
        .iter()
        .filter(|look| look.0 == "p")
        .filter_map(|look| look.1)
        .collect();
    assert!(
        during.len() >= 3 && during[0] == 1 && during.ends_with(&[30]),
        "{during:?}"
    );
    assert_eq!((last.0.as_str(), last.1), ("", None));
    for (_, _, tokens) in &previews[1..] {
        let same =
            |(a, b): (&MaskedToken, &MaskedToken)| a.shown == b.shown && a.original == b.original;
        assert!(
            tokens.len() == first.2.len() && tokens.iter().zip(&first.2).all(same),
            "the same text and mask"
        );
        for token in tokens {
            let selected = !matches!(token.kind, MaskKind::Untouched | MaskKind::Special);
            assert_eq!(
                (token.guesses.len(), token.loss.is_some()),
                if selected { (5, true) } else { (0, false) }
            );
            assert!(
                token
                    .guesses
                    .windows(2)
                    .all(|pair| pair[0].score >= pair[1].score)
            );
        }
    }
    let mean = |tokens: &[MaskedToken]| tokens.iter().filter_map(|token| token.loss).sum::<f64>();
    assert!(
        mean(&last.2) < 0.8 * mean(&previews[1].2),
        "it learns: {} to {}",
        mean(&previews[1].2),
        mean(&last.2)
    );
    assert_eq!(
        losses(&script),
        losses(&played(vec![pretrain()], vec![])),
        "looking changes nothing"
    );
}

#[test]
fn attention_is_sent_with_each_preview_and_its_rows_sum_to_one() {
    let script = played(
        vec![
            look(0),
            pretrain(),
            Command::Attend {
                request: 9,
                text: "the dog barks".into(),
            },
        ],
        vec![],
    );
    let events = script.told.borrow();
    let maps = events.iter().filter_map(|(event, buffers)| match event {
        Event::Attention {
            request,
            step,
            tokens,
            layers,
            heads,
            ..
        } => Some((
            *request,
            *step,
            tokens.len(),
            *layers as usize,
            *heads as usize,
            buffers,
        )),
        _ => None,
    });
    let maps: Vec<_> = maps.collect();
    assert!(maps.len() >= 4, "three of the run, and the answer");
    let last = maps.len() - 1;
    assert_eq!(
        (maps[0].0, maps[0].1, maps[last].0, maps[last].2),
        (0, Some(1), 9, 5)
    );
    for (_, _, t, layers, heads, buffers) in maps {
        assert_eq!(
            (layers, heads, buffers.len(), buffers[0].len()),
            (1, 2, 1, layers * heads * t * t)
        );
        for row in buffers[0].chunks(t) {
            let sum: f64 = row
                .iter()
                .map(|&byte| (f64::from(byte) / 255.0).powi(2))
                .sum();
            assert!((sum - 1.0).abs() < 0.02, "{sum}");
        }
    }
}

#[test]
fn a_paused_run_can_be_stepped_and_another_text_previewed() {
    let own = Command::PreviewMasking {
        config: config(&[]),
        example: 0,
        epoch: 3,
        text: Some("my friend cat".into()),
    };
    let during = vec![
        (4, Command::Pause),
        (0, Command::Step { steps: 1 }),
        (0, own),
        (
            0,
            Command::Tokenize {
                request: 5,
                text: "dog [MASK]".into(),
            },
        ),
        (0, Command::Step { steps: 3 }),
        (8, Command::Resume),
    ];
    let script = played(vec![look(0), pretrain()], during);
    let pauses = script.events().into_iter().filter_map(|event| match event {
        Event::Paused { step, .. } => Some(step),
        _ => None,
    });
    assert_eq!(pauses.collect::<Vec<_>>(), [4, 5, 8]);
    assert_eq!(losses(&script).len(), 30, "and then to its end");
    let texts = maskings(&script)
        .into_iter()
        .map(|(_, step, tokens)| (step, tokens.len()));
    assert!(
        texts.clone().any(|look| look == (Some(5), 5)),
        "my friend cat, at step 5: {:?}",
        texts.collect::<Vec<_>>()
    );
    let cut = script.events().into_iter().find_map(|event| match event {
        Event::Tokenized {
            request: 5, tokens, ..
        } => Some(
            tokens
                .into_iter()
                .map(|entry| entry.token)
                .collect::<Vec<_>>(),
        ),
        _ => None,
    });
    assert_eq!(cut, Some(vec!["dog".into(), "[MASK]".into()]));
}

#[test]
fn the_toy_task_does_not_preview_the_user_s_text() {
    let toy = Command::Toy {
        run: "counting-1".into(),
        config: config(&[("preset", "bert-tiny"), ("steps", "2")]),
    };
    let script = played(vec![look(0), toy, pretrain()], vec![]);
    let runs: Vec<String> = maskings(&script).into_iter().map(|look| look.0).collect();
    assert!(!runs.contains(&"counting-1".to_string()), "{runs:?}");
    assert!(
        runs.contains(&"p".to_string()),
        "and the next run is looked at again"
    );
}
