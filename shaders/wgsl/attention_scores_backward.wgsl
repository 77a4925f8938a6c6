// Gradients of the scores of attention.wgsl, and of the queries. Definition: cpu::attention::backward.
// Bindings: 0 qkv in [B * T, 3 D], 1 probabilities in [B, H, T, T], 2 dy in [B * T, D], 3 dscores out [B, H, T, T],
// 4 dqkv out [B * T, 3 D], of which this writes the queries. One workgroup computes one row of the scores.

@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dscores: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = settings.t;
    let k = settings.k;
    let row = place(group, groups);
    if row >= settings.b * settings.h * t {
        return;
    }
    let text = row / t / settings.h;
    let head = row / t % settings.h;
    let width = settings.h * k;
    let slope = (text * t + row % t) * width + head * k;
    var sum = 0.0;
    for (var j = lane; j < t; j += 64u) {
        let p = probabilities[row * t + j];
        var change = 0.0;
        if p > 0.0 {
            let value = (text * t + j) * 3u * width + 2u * width + head * k;
            for (var i = 0u; i < k; i++) {
                change += dy[slope + i] * qkv[value + i];
            }
            change *= settings.kept_scale;
        }
        dscores[row * t + j] = change;
        sum += abs(p) * change;
    }
    let mean = total(sum, lane);
    for (var j = lane; j < t; j += 64u) {
        let i = row * t + j;
        dscores[i] = abs(probabilities[i]) * (dscores[i] - mean);
    }
    storageBarrier();
    for (var i = lane; i < k; i += 64u) {
        var sum = 0.0;
        for (var j = 0u; j < t; j++) {
            sum += dscores[row * t + j] * qkv[(text * t + j) * 3u * width + width + head * k + i];
        }
        dqkv[(text * t + row % t) * 3u * width + head * k + i] = sum * settings.scale;
    }
}
