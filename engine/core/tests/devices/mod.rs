//! Tests that run on every backend.

use burn::tensor::Device;

/// Declares two tests for each of these functions of a `&Device`: on the CPU, and on a graphics
/// adapter, there with the kernels for GPUs and with those for software adapters.
macro_rules! on_every_device {
    ($($name:ident),+ $(,)?) => {
        mod on_the_cpu {
            $(
                #[test]
                fn $name() {
                    super::$name(&burn::tensor::Device::flex());
                }
            )+
        }

        #[cfg(feature = "gpu")]
        mod on_an_adapter {
            $(
                #[test]
                #[ignore = "needs a graphics driver; cargo xtask test runs it"]
                fn $name() {
                    crate::devices::on_an_adapter(super::$name);
                }
            )+
        }
    };
}

pub(crate) use on_every_device;

/// Runs a test on an adapter with both kinds of kernels. One test at a time: which kernels are used
/// is a property of the process.
#[cfg(feature = "gpu")]
pub fn on_an_adapter(test: impl Fn(&Device)) {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let opened = futures_lite::future::block_on(engine::device::open(
        protocol::BackendChoice::Gpu,
        async || String::new(),
    ));
    let (device, _) = opened.expect("this test needs an adapter; Mesa's lavapipe will do");
    for is_software in [false, true] {
        engine::kernels::set_adapter_is_software(is_software);
        test(&device);
    }
}
