// Multi-head self-attention: soft-max(q k' scale) v for each text and head, with dropout of the probabilities.
// Source: Vaswani et al. 2017, 3.2.2. Definition: cpu::attention::attention.
// Bindings: 0 qkv in [B * T, 3 D], rotated where positions are rotary; 1 keep in [B, T]: 1 for a token, 0 for padding;
// 2 probabilities out [B, H, T, T], negative where dropped; 3 context out [B * T, D].
// One workgroup computes one row of the probabilities.

@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> keep: array<f32>;
@group(0) @binding(2) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(3) var<storage, read_write> context: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

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
    let query = (text * t + row % t) * 3u * width + head * k;
    var top = -3.4e38;
    for (var j = lane; j < t; j += 64u) {
        let key = (text * t + j) * 3u * width + width + head * k;
        var score = 0.0;
        for (var i = 0u; i < k; i++) {
            score += qkv[query + i] * qkv[key + i];
        }
        score *= settings.scale;
        if settings.has_keep == 1u {
            // Far enough from 0 that the probability of padding is exactly 0.
            score += (keep[text * t + j] - 1.0) * 1e9;
        }
        probabilities[row * t + j] = score;
        top = max(top, score);
    }
    top = highest(top, lane);
    var sum = 0.0;
    for (var j = lane; j < t; j += 64u) {
        let p = exp(probabilities[row * t + j] - top);
        probabilities[row * t + j] = p;
        sum += p;
    }
    let inverse = 1.0 / total(sum, lane);
    for (var j = lane; j < t; j += 64u) {
        let i = row * t + j;
        let p = probabilities[i] * inverse;
        let is_dropped = settings.drop_below > 0u && random_bits(i, settings.key) < settings.drop_below;
        probabilities[i] = select(p, -p, is_dropped);
    }
    storageBarrier();
    for (var i = lane; i < k; i += 64u) {
        var sum = 0.0;
        for (var j = 0u; j < t; j++) {
            sum += max(probabilities[row * t + j], 0.0) * qkv[(text * t + j) * 3u * width + 2u * width + head * k + i];
        }
        context[(text * t + row % t) * width + head * k + i] = sum * settings.kept_scale;
    }
}
