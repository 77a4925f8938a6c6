//! The Web Worker host. Its entry point posts `Hello`, waits for `Open`, then serves one session until
//! the page terminates it. A worker that another one started helps that one instead.

#[cfg(target_arch = "wasm32")]
mod checkpoints;
#[cfg(target_arch = "wasm32")]
mod helper_loop;
#[cfg(target_arch = "wasm32")]
mod helper_pool;
#[cfg(target_arch = "wasm32")]
mod host;
#[cfg(target_arch = "wasm32")]
mod messages;

/// Calls the static constructors explicitly. Without such a call the linker treats the module as a
/// command and makes each exported function run all constructors. The shader compiler has about
/// 1,500 of them, and JavaScript calls into the module several times per GPU launch.
#[cfg(target_arch = "wasm32")]
mod constructors {
    #![expect(
        unsafe_code,
        reason = "the linker makes the function, so only a foreign declaration can name it"
    )]

    unsafe extern "C" {
        fn __wasm_call_ctors();
    }

    /// Runs the static constructors of all crates.
    pub fn run() {
        // SAFETY: the function takes and returns nothing, and `main` calls it once, before anything
        // that the constructors initialise is used.
        unsafe { __wasm_call_ctors() }
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {
    use crate::host::{WebHost, post_failure};
    use engine::session::{Host, Session};
    use protocol::{Command, Event, PROTOCOL_VERSION, message};

    constructors::run();
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        if helper_loop::is_helper() {
            return helper_loop::post_failure(&panic.to_string());
        }
        // After a panic this instance is unusable; the page must start another one.
        post_failure(
            "engine-crashed",
            message!("the engine stopped: {panic}", panic = panic.to_string()),
        );
    }));
    if helper_loop::is_helper() {
        return wasm_bindgen_futures::spawn_local(helper_loop::serve());
    }
    wasm_bindgen_futures::spawn_local(async {
        let host = WebHost::listen();
        host.emit(Event::Hello {
            protocol: PROTOCOL_VERSION,
        });
        loop {
            let Command::Open { backend, workers } = host.next_delivery().await.command else {
                continue;
            };
            host.helpers.request(workers);
            match Session::open(host.clone(), backend).await {
                Ok(mut session) => session.serve().await,
                Err(error) => host.emit(engine::session::failed("", &error)),
            }
        }
    });
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this is the browser's engine; build it for wasm32-unknown-unknown");
    std::process::exit(2);
}
