// Updates parameters: p' = keep p - rate update. Definition: cpu::muon.
// Bindings: 0 update in [n], 1 p in/out, of which n elements from `start` on are updated. One
// thread computes one element.

struct Settings {
    start: u32,
    n: u32,
    keep: f32,
    rate: f32,
}

@group(0) @binding(0) var<storage, read_write> update: array<f32>;
@group(0) @binding(1) var<storage, read_write> p: array<f32>;
@group(0) @binding(2) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = place(group, groups) * 256u + lane;
    if i < settings.n {
        p[settings.start + i] = p[settings.start + i] * settings.keep - update[i] * settings.rate;
    }
}
