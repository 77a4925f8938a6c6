//! Mounts the page part by part, each in a task of its own, so that none holds the page's thread for long: on a slow machine
//! starting everything at once would take a second, and a press in it would go unanswered.

use leptos::prelude::*;
use std::time::Duration;

/// Who waits for their turn. Copies are the same queue.
#[derive(Clone, Copy)]
pub struct MountQueue {
    given: StoredValue<u32>,
    served: RwSignal<u32>,
    is_running: StoredValue<bool>,
    when_done: StoredValue<Option<Callback<()>>>,
}

impl MountQueue {
    /// An empty queue; `when_done` runs each time that nobody waits any more.
    pub fn new(when_done: Callback<()>) -> Self {
        Self {
            given: StoredValue::new(0),
            served: RwSignal::new(0),
            is_running: StoredValue::new(false),
            when_done: StoredValue::new(Some(when_done)),
        }
    }

    fn take(self) -> u32 {
        self.given.update_value(|given| *given += 1);
        if !self.is_running.get_value() {
            self.is_running.set_value(true);
            self.serve();
        }
        self.given.get_value()
    }

    fn serve(self) {
        let next = move || {
            let served = self.served.get_untracked();
            if served < self.given.get_value() {
                self.served.set(served + 1);
                return self.serve();
            }
            self.is_running.set_value(false);
            self.when_done
                .with_value(|done| done.iter().for_each(|done| done.run(())));
        };
        set_timeout(next, Duration::ZERO);
    }
}

/// A part of the page that is mounted in a task of its own, after those before it.
#[component]
pub fn DeferredMount(children: ChildrenFn) -> impl IntoView {
    let turns = expect_context::<MountQueue>();
    let ticket = turns.take();
    let is_due = Memo::new(move |_| turns.served.get() >= ticket);
    view! { <Show when=move || is_due.get()>{children()}</Show> }
}
