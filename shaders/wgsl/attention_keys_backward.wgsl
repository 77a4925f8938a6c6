// Gradients of the keys and values of attention.wgsl.
// Definition: cpu::attention::backward.
// Bindings: 0 qkv in [B * T, 3 D], 1 probabilities in [B, H, T, T], 2 dscores in [B, H, T, T], 3 dy
// in [B * T, D], 4 dqkv out [B * T, 3 D], of which the keys and values are written. One workgroup
// computes 8 keys of one head; one thread computes every 32nd column.

@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(2) var<storage, read_write> dscores: array<f32>;
@group(0) @binding(3) var<storage, read_write> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

@compute @workgroup_size(32)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = place(group, groups);
    if block >= settings.b * settings.h * settings.blocks {
        return;
    }
    let t = settings.t;
    let head = head_of(block);
    let first = first_row(block);
    // Offsets of four keys each; keys beyond the last one are clamped to it.
    let near = min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(t - 1u));
    let far = min(first + vec4<u32>(4u, 5u, 6u, 7u), vec4<u32>(t - 1u));
    for (var column = lane; column < settings.k; column += 32u) {
        var upper_keys = vec4<f32>();
        var lower_keys = vec4<f32>();
        var upper_values = vec4<f32>();
        var lower_values = vec4<f32>();
        for (var i = 0u; i < t; i++) {
            let query = qkv[head.queries + i * head.stride + column];
            let slope = dy[head.context + i * head.width + column];
            let above = near + head.scores + i * t;
            let below = far + head.scores + i * t;
            upper_keys += query * vec4<f32>(dscores[above.x], dscores[above.y], dscores[above.z], dscores[above.w]);
            lower_keys += query * vec4<f32>(dscores[below.x], dscores[below.y], dscores[below.z], dscores[below.w]);
            upper_values += slope * kept(above);
            lower_values += slope * kept(below);
        }
        for (var i = 0u; i < 4u; i++) {
            if first + i < t {
                let place = (first + i) * head.stride + column;
                dqkv[head.keys + place] = upper_keys[i] * settings.scale;
                dqkv[head.values + place] = upper_values[i] * settings.kept_scale;
            }
            if first + 4u + i < t {
                let place = (first + 4u + i) * head.stride + column;
                dqkv[head.keys + place] = lower_keys[i] * settings.scale;
                dqkv[head.values + place] = lower_values[i] * settings.kept_scale;
            }
        }
    }
}

// Returns four probabilities after dropout, without its scale.
fn kept(at: vec4<u32>) -> vec4<f32> {
    let all = vec4<f32>(probabilities[at.x], probabilities[at.y], probabilities[at.z], probabilities[at.w]);
    return max(all, vec4<f32>());
}
