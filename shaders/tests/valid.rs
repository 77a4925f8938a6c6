//! Tests that every kernel is valid WGSL, has the entry point `main`, and has the bindings listed
//! in its [`shaders::Kernel`].

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable};
use shaders::KERNELS;

#[test]
fn every_kernel_is_valid_and_has_the_listed_bindings() {
    for kernel in KERNELS {
        let module = naga::front::wgsl::parse_str(kernel.wgsl).unwrap_or_else(|error| {
            panic!("{}: {}", kernel.name, error.emit_to_string(kernel.wgsl))
        });
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}: {error:?}", kernel.name));
        let entry = &module.entry_points[0];
        assert_eq!(
            (entry.name.as_str(), entry.workgroup_size.iter().product()),
            ("main", kernel.threads),
            "{}",
            kernel.name
        );
        let mut bound: Vec<(u32, String)> = module
            .global_variables
            .iter()
            .filter_map(|(_, global)| Some((global.binding?.binding, global.name.clone()?)))
            .collect();
        bound.sort();
        let names: Vec<&str> = bound.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, kernel.bindings, "{}", kernel.name);
    }
}

/// Limits that every WebGPU device supports (specification, table of limits):
/// `maxStorageBuffersPerShaderStage`, `maxComputeWorkgroupStorageSize` in bytes,
/// `maxComputeInvocationsPerWorkgroup`.
const MAX_STORAGE_BUFFERS: usize = 8;
const MAX_WORKGROUP_BYTES: u32 = 16_384;
const MAX_THREADS: u32 = 256;

#[test]
fn every_kernel_is_within_the_webgpu_limits() {
    for kernel in KERNELS {
        let module =
            naga::front::wgsl::parse_str(kernel.wgsl).expect("another test names what is wrong");
        let globals = |predicate: fn(AddressSpace) -> bool| {
            module
                .global_variables
                .iter()
                .map(|(_, global)| global)
                .filter(move |global| predicate(global.space))
        };
        let buffers = globals(|space| matches!(space, AddressSpace::Storage { .. })).count();
        let size = |global: &GlobalVariable| module.types[global.ty].inner.size(module.to_ctx());
        let bytes: u32 = globals(|space| space == AddressSpace::WorkGroup)
            .map(size)
            .sum();
        assert!(
            buffers <= MAX_STORAGE_BUFFERS,
            "{}: {buffers} storage buffers",
            kernel.name
        );
        assert!(
            bytes <= MAX_WORKGROUP_BYTES,
            "{}: {bytes} bytes of workgroup memory",
            kernel.name
        );
        assert!(
            kernel.threads <= MAX_THREADS,
            "{}: {} threads",
            kernel.name,
            kernel.threads
        );
    }
}

#[test]
fn every_file_has_a_kernel() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/wgsl");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder stands beside this crate")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter_map(|name| Some(name.strip_suffix(".wgsl")?.to_string()))
        .collect();
    files.sort();
    // The matrix products are variants of a shared source.
    let mut names: Vec<&str> = KERNELS
        .iter()
        .map(|kernel| kernel.name)
        .filter(|name| !name.starts_with("matmul"))
        .collect();
    names.sort_unstable();
    assert_eq!(files, names);
}
