//! One document before and after masking, token by token: what the model will be asked. Source: Devlin et al. 2019,
//! section 3.1.

use crate::lab::lab;
use crate::state::{Masking, Topic};
use leptos::prelude::*;
use protocol::{MaskKind, MaskedToken, RunConfig};

/// A document with its mask, and two ways to see another.
#[component]
pub fn MaskingPreview() -> impl IntoView {
    let lab = lab();
    let masking = lab.memo(&[Topic::Masking], |state| state.masking.clone());
    let (example, epoch) = (RwSignal::new(0u64), RwSignal::new(0u64));
    follow_settings(example, epoch);
    let another_mask = move |_| {
        epoch.update(|epoch| *epoch += 1);
        lab.preview(example.get_untracked(), epoch.get_untracked());
    };
    let another_line = move |_| {
        example.update(|example| *example += 1);
        lab.preview(example.get_untracked(), epoch.get_untracked());
    };
    let missing = move || masking.with(Option::is_none);
    view! {
        <div class="block">
            <h3>"What the model sees"</h3>
            <p class="help">
                "Some tokens are chosen in each pass, and the model must guess what stood there. Most become [MASK], some a random token, some stay as they are."
            </p>
            <div class="masking" data-testid="masking-preview">
                {move || masking.get().map_or_else(|| waiting().into_any(), |masking| tokens(masking).into_any())}
            </div>
            <div class="buttons">
                <button type="button" disabled=missing on:click=another_mask>"Another mask"</button>
                <button type="button" disabled=missing on:click=another_line>"Another line"</button>
            </div>
        </div>
    }
    .into_any()
}

/// A changed setting that shapes masking or the vocabulary asks for the same document again.
fn follow_settings(example: RwSignal<u64>, epoch: RwSignal<u64>) {
    let lab = lab();
    let shaping = Memo::new(move |_| lab.settings.with(|settings| shape(&settings.pretrain)));
    Effect::new(move |before: Option<()>| {
        shaping.track();
        if before.is_some() && lab.peek(|state| state.corpus.is_some()) {
            lab.preview(example.get_untracked(), epoch.get_untracked());
            lab.look_up(String::new());
        }
    });
}

/// The part of a configuration that shapes masking and vocabulary; all else is at its default.
fn shape(config: &RunConfig) -> RunConfig {
    RunConfig { device: Default::default(), steps: None, epochs: None, minutes: None, lr: None, ..config.clone() }
}

fn waiting() -> impl IntoView {
    view! { <p class="help">"Appears once the text is read and its vocabulary learned."</p> }
}

fn tokens(masking: Masking) -> impl IntoView {
    let count = |kind| masking.tokens.iter().filter(|token| token.kind == kind).count();
    let (masked, random, kept) = (count(MaskKind::Masked), count(MaskKind::Random), count(MaskKind::Kept));
    let special = count(MaskKind::Special);
    let all = masking.tokens.len() - special;
    view! {
        <ol class="tokens" aria-label="Tokens, each as it was and as the model sees it">
            {masking.tokens.into_iter().map(token).collect_view()}
        </ol>
        <p class="legend">
            <span>{format!("{} of {all} tokens chosen:", masked + random + kept)}</span>
            <span><b class="tag masked">"M"</b>{format!(" {masked} masked")}</span>
            <span><b class="tag random">"R"</b>{format!(" {random} random")}</span>
            <span><b class="tag kept">"K"</b>{format!(" {kept} kept")}</span>
        </p>
    }
}

fn token(token: MaskedToken) -> impl IntoView {
    let (class, tag, words) = match token.kind {
        MaskKind::Untouched => ("token", "", ""),
        MaskKind::Special => ("token special", "", ""),
        MaskKind::Masked => ("token masked", "M", "masked"),
        MaskKind::Random => ("token random", "R", "replaced at random"),
        MaskKind::Kept => ("token kept", "K", "kept, but to be guessed"),
    };
    let chosen = !tag.is_empty();
    let original = chosen.then(|| view! { <bdi class="original">{token.original}</bdi> });
    let tag = chosen.then(|| view! { <abbr class=format!("tag {}", &class[6..]) title=words>{tag}</abbr> });
    view! {
        <li class=class>
            {original}
            <span class="shown"><bdi>{token.shown}</bdi>{tag}</span>
        </li>
    }
}
