//! Mounts the page in parts, each in its own task, so that none blocks the main thread for long: on
//! a slow machine, mounting everything at once would take a second without a response to input.

use leptos::prelude::*;
use std::time::Duration;

/// Queue of the parts that wait to be mounted. Copies share the same queue.
#[derive(Clone, Copy)]
pub struct MountQueue {
    given: StoredValue<u32>,
    served: RwSignal<u32>,
    is_running: StoredValue<bool>,
    when_done: StoredValue<Option<Callback<()>>>,
}

impl MountQueue {
    /// Creates an empty queue; `when_done` runs each time the queue becomes empty.
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

/// A part of the page that is mounted in its own task, after the parts queued before it.
#[component]
pub fn DeferredMount(children: ChildrenFn) -> impl IntoView {
    let queue = expect_context::<MountQueue>();
    let ticket = queue.take();
    let is_due = Memo::new(move |_| queue.served.get() >= ticket);
    view! { <Show when=move || is_due.get()>{children()}</Show> }
}
