// Updates the momentum m' = momentum m + g and computes the Nesterov look-ahead g + momentum m',
// with g scaled by `clip`. If `clip` is 0, which is the case for a non-finite gradient, the
// momentum is unchanged and the look-ahead is 0.
// Source: Jordan et al. 2024. Definition: cpu::muon::muon.
// Bindings: 0 clip in [1], 1 g in [n], 2 m in/out [n], 3 ahead out [n]. One thread computes one
// element.

struct Settings {
    n: u32,
    momentum: f32,
}

@group(0) @binding(0) var<storage, read_write> clip: array<f32>;
@group(0) @binding(1) var<storage, read_write> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> m: array<f32>;
@group(0) @binding(3) var<storage, read_write> ahead: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = place(group, groups) * 256u + lane;
    if i >= settings.n {
        return;
    }
    if clip[0] == 0.0 {
        ahead[i] = 0.0;
        return;
    }
    let gradient = g[i] * clip[0];
    let momentum = m[i] * settings.momentum + gradient;
    m[i] = momentum;
    ahead[i] = gradient + momentum * settings.momentum;
}
