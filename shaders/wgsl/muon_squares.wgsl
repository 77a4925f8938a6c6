// Partial sums of the squares of each matrix, 2,048 elements each. Definition: cpu::muon.
// Bindings: 0 ahead in: matrices of `n` elements from `start` on, 1 squares out [count, blocks].
// One workgroup sums one block; the second grid dimension is the matrix.

struct Settings {
    start: u32,
    n: u32,
}

@group(0) @binding(0) var<storage, read_write> ahead: array<f32>;
@group(0) @binding(1) var<storage, read_write> squares: array<f32>;
@group(0) @binding(2) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let matrix = settings.start + group.y * settings.n;
    let first = group.x * 2048u;
    var sum = 0.0;
    for (var i = first + lane; i < min(first + 2048u, settings.n); i += 256u) {
        let x = ahead[matrix + i];
        sum += x * x;
    }
    let found = total(sum, lane);
    if lane == 0u {
        squares[group.y * groups.x + group.x] = found;
    }
}
