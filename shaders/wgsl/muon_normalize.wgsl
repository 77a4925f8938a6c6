// Divides each matrix by its norm. Definition: cpu::muon.
// Bindings: 0 ahead in: matrices of `n` elements from `start` on, 1 squares in [count, blocks], 2 x
// out [count, n]. One workgroup writes one block of 2,048 elements; the second grid dimension is
// the matrix.

struct Settings {
    start: u32,
    n: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> ahead: array<f32>;
@group(0) @binding(1) var<storage, read_write> squares: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

var<workgroup> scale: f32;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var sum = 0.0;
    for (var i = lane; i < groups.x; i += 256u) {
        sum += squares[group.y * groups.x + i];
    }
    let found = total(sum, lane);
    if lane == 0u {
        scale = 1.0 / (sqrt(found) + settings.eps);
    }
    workgroupBarrier();
    let first = group.x * 2048u;
    for (var i = first + lane; i < min(first + 2048u, settings.n); i += 256u) {
        x[group.y * settings.n + i] = ahead[settings.start + group.y * settings.n + i] * scale;
    }
}
