// Norm of a gradient from partial sums of squares, and the factor that clips it to `max_norm`. The
// factor is 0 if the norm is not finite, so that the optimiser skips the step. This is tested on
// the bits, since a compiler may assume that no number is infinite or NaN.
// Source: Pascanu et al. 2013, algorithm 1. Definition: src/gradients.rs.
// Bindings: 0 squares in [n], 1 norm out [1], 2 clip out [1]. One workgroup.

struct Settings {
    n: u32,
    max_norm: f32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> squares: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(2) var<storage, read_write> clip: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < settings.n; i += 256u) {
        sum += squares[i];
    }
    let found = sqrt(total(sum, lane));
    if lane == 0u {
        norm[0] = found;
        let is_finite = (bitcast<u32>(found) & 0x7f800000u) != 0x7f800000u;
        clip[0] = select(0.0, min(settings.max_norm / (found + settings.eps), 1.0), is_finite);
    }
}
