// Cross-entropy of each row of logits with its target column.
// Definition: cpu::cross_entropy.
// Bindings: 0 logits in [m, v], 1 targets in [m], 2 weights in [m], 3 rows out [m, 4]: the largest
// logit; the weight divided by the sum of exponentials; the loss; and the weight if the largest
// logit (the first of equal ones) is that of the target, else 0. All weights are multiplied by
// `scale`. One workgroup computes one row.

struct Settings {
    m: u32,
    v: u32,
    scale: f32,
}

@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> settings: Settings;

@compute @workgroup_size(32)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = place(group, groups);
    if row >= settings.m {
        return;
    }
    let start = row * settings.v;
    let truth = u32(targets[row]);
    var max_logit = -3.4e38;
    for (var i = lane; i < settings.v; i += 32u) {
        max_logit = max(max_logit, logits[start + i]);
    }
    let top = highest(max_logit, lane);
    // The sum of exponentials, and the number of columns before the target with the largest logit.
    var sums = vec2<f32>();
    for (var i = lane; i < settings.v; i += 32u) {
        let logit = logits[start + i];
        sums += vec2<f32>(exp(logit - top), select(0.0, 1.0, logit == top && i < truth));
    }
    let found = total2(sums, lane);
    if lane == 0u {
        let weight = weights[row] * settings.scale;
        let above = logits[start + truth] - top;
        let is_right = above == 0.0 && found.y == 0.0;
        rows[row] = vec4<f32>(top, weight / found.x, weight * (log(found.x) - above), select(0.0, weight, is_right));
    }
}
