// Sums of the loss and the correct predictions over the rows from cross_entropy.wgsl, in a fixed
// order.
// Definition: cpu::cross_entropy::sums.
// Bindings: 0 rows in [m, 4], 1 sums out [outputs]: the loss and, if `outputs` is 2, the correct
// predictions. One workgroup.

struct Settings {
    m: u32,
    outputs: u32,
}

@group(0) @binding(0) var<storage, read_write> rows: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<uniform> settings: Settings;

@compute @workgroup_size(32)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = vec2<f32>();
    for (var i = lane; i < settings.m; i += 32u) {
        sum += rows[i].zw;
    }
    let found = total2(sum, lane);
    if lane < settings.outputs {
        sums[lane] = found[lane];
    }
}
