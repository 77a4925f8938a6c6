// Gradients of keys and values of attention.wgsl. Definition: cpu::attention::backward.
// Bindings: 0 qkv in [B * T, 3 D], 1 probabilities in [B, H, T, T], 2 dscores in [B, H, T, T], 3 dy in [B * T, D],
// 4 dqkv out [B * T, 3 D], of which this writes keys and values. One thread computes one element of both.

@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(2) var<storage, read_write> dscores: array<f32>;
@group(0) @binding(3) var<storage, read_write> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = settings.t;
    let width = settings.h * settings.k;
    let i = place(group, groups) * 256u + lane;
    if i >= settings.b * t * width {
        return;
    }
    let column = i % width;
    let key = i / width % t;
    let text = i / width / t;
    let scores = (text * settings.h + column / settings.k) * t * t + key;
    var dkey = 0.0;
    var dvalue = 0.0;
    for (var query = 0u; query < t; query++) {
        let row = text * t + query;
        dkey += dscores[scores + query * t] * qkv[row * 3u * width + column];
        dvalue += max(probabilities[scores + query * t], 0.0) * dy[row * width + column];
    }
    let start = (text * t + key) * 3u * width;
    dqkv[start + width + column] = dkey * settings.scale;
    dqkv[start + 2u * width + column] = dvalue * settings.kept_scale;
}
