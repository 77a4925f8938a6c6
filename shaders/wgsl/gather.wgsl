// Gathers rows of a table by index. Definition: cpu::gather::gather.
// Bindings: 0 table in [rows, width], 1 indices in [count], 2 y out [count, width]. One thread
// copies one element.

struct Settings {
    n: u32,
    width: u32,
}

@group(0) @binding(0) var<storage, read_write> table: array<f32>;
@group(0) @binding(1) var<storage, read_write> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = place(group, groups) * 256u + lane;
    if i < settings.n {
        y[i] = table[u32(indices[i / settings.width]) * settings.width + i % settings.width];
    }
}
