//! Chooses the backend: looks for a GPU adapter, decides between it and the CPU, and says why. No
//! other file does.

use crate::error::{Error, Result};
use burn::tensor::Device;
use protocol::{BackendChoice, DeviceInfo, Message, Setting, message};

/// Beginning of the name of the CPU engine.
pub const CPU_NAME: &str = "CPU";

/// Opens a device without autodiff and returns it with its description. `adapter_name` names an
/// adapter whose name the graphics library does not know.
///
/// # Errors
/// Returns an error if a GPU was requested explicitly and none can be used.
pub async fn open(
    choice: BackendChoice,
    adapter_name: impl AsyncFnOnce() -> String,
) -> Result<(Device, DeviceInfo)> {
    if choice == BackendChoice::Cpu {
        return Ok(cpu(None));
    }
    let mut found = probe().await;
    if let Ok(adapter) = &mut found
        && adapter.name.is_empty()
    {
        adapter.name = adapter_name().await;
    }
    match found {
        Ok(adapter) if choice == BackendChoice::Gpu || !adapter.software => adapter.open().await,
        Ok(adapter) => Ok(cpu(Some(message!(
            "the only adapter, {adapter}, emulates a GPU in software; the CPU engine is much faster",
            adapter = adapter.name
        )))),
        Err(reason) if choice == BackendChoice::Auto => Ok(cpu(Some(reason))),
        Err(reason) => Err(Error::input(
            "no-gpu",
            message!("a GPU was requested, but {reason}", reason),
            message!(
                "Use {device} (backend=cpu in the page's link), or a browser and driver with WebGPU.",
                device = Setting::with_value("device", "cpu")
            ),
        )),
    }
}

/// Returns the CPU device; `reason` says why it is used instead of a GPU.
pub fn cpu(reason: Option<Message>) -> (Device, DeviceInfo) {
    let name = format!("{CPU_NAME} ({})", cpu::instruction_set());
    (
        Device::flex(),
        DeviceInfo {
            backend: "cpu".into(),
            name,
            software: false,
            reason,
            self_check: false,
            workers: 0,
        },
    )
}

/// An adapter that the GPU backend can use.
struct Adapter {
    name: String,
    software: bool,
}

#[cfg(not(feature = "gpu"))]
async fn probe() -> std::result::Result<Adapter, Message> {
    Err(message!("this build has no GPU engine"))
}

#[cfg(not(feature = "gpu"))]
impl Adapter {
    async fn open(self) -> Result<(Device, DeviceInfo)> {
        unreachable!(
            "a build without the GPU engine finds no adapter: {} {}",
            self.name, self.software
        )
    }
}

#[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
async fn probe() -> std::result::Result<Adapter, Message> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    let info = adapters
        .iter()
        .map(wgpu::Adapter::get_info)
        .min_by_key(|info| match info.device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        });
    let info = info.ok_or(message!(
        "no graphics driver (Vulkan, Metal or DX12) was found"
    ))?;
    Ok(Adapter {
        name: info.name,
        software: info.device_type == wgpu::DeviceType::Cpu,
    })
}

#[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
impl Adapter {
    /// burn initialises the runtime on first use; a later session in the same process shares it.
    async fn open(self) -> Result<(Device, DeviceInfo)> {
        use burn::tensor::DeviceKind;
        let kind = if self.software {
            DeviceKind::Cpu
        } else {
            DeviceKind::DefaultDevice
        };
        Ok((Device::wgpu(kind), gpu(self)))
    }
}

#[cfg(all(feature = "gpu", target_arch = "wasm32"))]
async fn probe() -> std::result::Result<Adapter, Message> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..wgpu::RequestAdapterOptions::default()
    };
    let adapter = instance
        .request_adapter(&options)
        .await
        .map_err(|_| message!("this browser offers no WebGPU adapter"))?;
    // Without it the backend panics when it creates its first stream.
    if !adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
        return Err(message!(
            "the WebGPU adapter lacks timestamp-query, which the GPU engine needs"
        ));
    }
    let info = adapter.get_info();
    Ok(Adapter {
        name: info.name,
        software: info.device_type == wgpu::DeviceType::Cpu,
    })
}

#[cfg(all(feature = "gpu", target_arch = "wasm32"))]
impl Adapter {
    async fn open(self) -> Result<(Device, DeviceInfo)> {
        let opened = Device::wgpu_options()
            .tasks_max(TASKS_PER_SUBMIT)
            .init_async()
            .await;
        let device = opened.map_err(|error| Error::Device {
            message: error.to_string(),
        })?;
        Ok((device, gpu(self)))
    }
}

/// Kernel launches per submit in the browser: more than a step of `fast-tiny` has (141), so that
/// the upload of the next batch submits a whole step.
#[cfg(all(feature = "gpu", target_arch = "wasm32"))]
const TASKS_PER_SUBMIT: usize = 256;

#[cfg(feature = "gpu")]
fn gpu(adapter: Adapter) -> DeviceInfo {
    crate::kernels::set_adapter_is_software(adapter.software);
    let reason = adapter
        .software
        .then(|| message!("this adapter emulates a GPU in software and is slow"));
    let kind = if cfg!(target_arch = "wasm32") {
        "WebGPU"
    } else {
        "GPU"
    };
    let name = format!("{kind}: {}", adapter.name);
    DeviceInfo {
        backend: "gpu".into(),
        name,
        software: adapter.software,
        reason,
        self_check: false,
        workers: 0,
    }
}
