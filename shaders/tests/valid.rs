//! Every kernel is valid WGSL, has the entry point `main`, and binds what its table says, in order.

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable};
use shaders::KERNELS;

#[test]
fn every_kernel_is_valid_and_binds_what_its_table_says() {
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

/// What every WebGPU device offers (specification, table of limits): `maxStorageBuffersPerShaderStage`,
/// `maxComputeWorkgroupStorageSize` in bytes, `maxComputeInvocationsPerWorkgroup`.
const STORAGE_BUFFERS: usize = 8;
const WORKGROUP_BYTES: u32 = 16_384;
const THREADS: u32 = 256;

#[test]
fn every_kernel_keeps_within_the_limits_of_every_device() {
    for kernel in KERNELS {
        let module =
            naga::front::wgsl::parse_str(kernel.wgsl).expect("another test names what is wrong");
        let of = |is: fn(AddressSpace) -> bool| {
            module
                .global_variables
                .iter()
                .map(|(_, global)| global)
                .filter(move |global| is(global.space))
        };
        let buffers = of(|space| matches!(space, AddressSpace::Storage { .. })).count();
        let size = |global: &GlobalVariable| module.types[global.ty].inner.size(module.to_ctx());
        let bytes: u32 = of(|space| space == AddressSpace::WorkGroup).map(size).sum();
        assert!(
            buffers <= STORAGE_BUFFERS,
            "{}: {buffers} storage buffers",
            kernel.name
        );
        assert!(
            bytes <= WORKGROUP_BYTES,
            "{}: {bytes} bytes of workgroup memory",
            kernel.name
        );
        assert!(
            kernel.threads <= THREADS,
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
    // The matrix products are variants of a shared text.
    let mut names: Vec<&str> = KERNELS
        .iter()
        .map(|kernel| kernel.name)
        .filter(|name| !name.starts_with("matmul"))
        .collect();
    names.sort_unstable();
    assert_eq!(files, names);
}
