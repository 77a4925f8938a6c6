//! The lesson that follows one masked word through the model: its form, and the panel with the
//! numbers.

mod frames;
mod view;

use crate::context::app;
use crate::focus;
use crate::slow_motion::Frame;
use crate::state::StateSlice;
use crate::tr;
use crate::workspace::{Panel, workspace};
use frames::content;
use leptos::prelude::*;
use protocol::SlowMotion;
pub use view::SlowMotionView;

/// Element of the panel.
const PANEL: &str = "panel-slow-motion";

/// The form of the lesson.
#[component]
pub fn SlowMotionForm() -> impl IntoView {
    let (app, workspace) = (app(), workspace());
    let view = expect_context::<SlowMotionView>();
    let reason = app.memo(
        &[
            StateSlice::Engine,
            StateSlice::Runs,
            StateSlice::Progress,
            StateSlice::Answers,
        ],
        |state| match () {
            () if state.active().is_some() => Some(tr!("Training is running.")),
            () => state.reason_not_to_predict(),
        },
    );
    let start = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        view.frame.set(0);
        view.followed.set(view.text.get_untracked());
        view.mask(app, None);
        workspace.enlarged.set(Some(PANEL.into()));
    };
    view! {
        <form on:submit=start>
            <label for="slow-text">{tr!("Sentence")}</label>
            <div class="ask">
                <input
                    id="slow-text"
                    type="text"
                    autocomplete="off"
                    prop:value=view.text
                    on:input=move |event| view.text.set(event_target_value(&event))
                />
                <button
                    type="submit"
                    data-testid="slow-motion-start"
                    aria-describedby="slow-reason"
                    disabled=move || reason.with(Option::is_some)
                >
                    {tr!("Follow one word")}
                </button>
            </div>
            <p id="slow-reason" class="help">{move || reason.get().unwrap_or_default()}</p>
        </form>
    }
}

/// The panel with the frames; it exists once the lesson was started.
#[component]
pub fn SlowMotionPanel() -> impl IntoView {
    let app = app();
    let motion = app.memo(&[StateSlice::Answers], |state| state.slow_motion.clone());
    let is_there = Memo::new(move |_| motion.with(Option::is_some));
    view! {
        <Show when=move || is_there.get()>
            <Panel id="slow-motion" title=tr!("One word in slow motion")>
                {move || motion.get().map(frames)}
            </Panel>
        </Show>
    }
    .into_any()
}

fn frames(motion: SlowMotion) -> impl IntoView {
    let view = expect_context::<SlowMotionView>();
    let frames = Frame::of(&motion);
    let last = frames.len() - 1;
    let motion = StoredValue::new(motion);
    let place = Memo::new(move |_| view.frame.get().min(last));
    let go = move |place: usize| {
        view.frame.set(place);
        // The pressed button becomes disabled there, and the focus would be lost.
        if place == 0 || place == last {
            request_animation_frame(|| focus::on("[data-testid=slow-motion-frame]"));
        }
    };
    let shown = {
        let frames = frames.clone();
        move || motion.with_value(|motion| content(frames[place.get()], motion))
    };
    view! {
        <div class="slow-motion">
            <div class="buttons">
                <button type="button" disabled=move || place.get() == 0 on:click=move |_| go(place.get_untracked() - 1)>
                    {tr!("Back")}
                </button>
                <button
                    type="button"
                    class="primary"
                    data-testid="slow-motion-next"
                    disabled=move || place.get() == last
                    on:click=move |_| go(place.get_untracked() + 1)
                >
                    {tr!("Next")}
                </button>
                <span class="help">
                    {move || tr!("{number} of {count}", number = place.get() + 1, count = last + 1)}
                </span>
            </div>
            <div
                class="slow-motion-frame"
                data-testid="slow-motion-frame"
                tabindex="-1"
                aria-live="polite"
            >
                {shown}
            </div>
        </div>
    }
}
