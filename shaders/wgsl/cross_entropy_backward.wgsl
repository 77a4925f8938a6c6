// Gradient of the logits of cross_entropy.wgsl, in place: (softmax - 1 at the target column) weight
// dloss.
// Definition: cpu::cross_entropy::cross_entropy.
// Bindings: 0 logits in/out [m, v], 1 targets in [m], 2 weights in [m], 3 rows in [m, 4], 4 dloss
// in [1]. One thread computes one element.

struct Settings {
    n: u32,
    v: u32,
    scale: f32,
}

@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dloss: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

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
    let row = i / settings.v;
    var slope = exp(logits[i] - rows[row].x) * rows[row].y;
    if i % settings.v == u32(targets[row]) {
        slope -= weights[row] * settings.scale;
    }
    logits[i] = slope * dloss[0];
}
