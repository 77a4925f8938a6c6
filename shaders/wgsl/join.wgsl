// Concatenates up to six arrays into a part of another, followed by zeros, and sums their squares.
// Bindings: 0 to 5 pieces in: piece i is copied to [end of the previous piece, end_i) of flat, the
// first one to `begin`; 6 flat out, of which [begin, end) is written; 7 squares out: the sum of
// each block of 2,048 elements, from index `first_block` on. One workgroup copies one block.

struct Settings {
    begin: u32,
    end: u32,
    first_block: u32,
    end0: u32,
    end1: u32,
    end2: u32,
    end3: u32,
    end4: u32,
    end5: u32,
}

@group(0) @binding(0) var<storage, read_write> piece0: array<f32>;
@group(0) @binding(1) var<storage, read_write> piece1: array<f32>;
@group(0) @binding(2) var<storage, read_write> piece2: array<f32>;
@group(0) @binding(3) var<storage, read_write> piece3: array<f32>;
@group(0) @binding(4) var<storage, read_write> piece4: array<f32>;
@group(0) @binding(5) var<storage, read_write> piece5: array<f32>;
@group(0) @binding(6) var<storage, read_write> flat: array<f32>;
@group(0) @binding(7) var<storage, read_write> squares: array<f32>;
@group(0) @binding(8) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = place(group, groups);
    let start = settings.begin + block * 2048u;
    if start >= settings.end {
        return;
    }
    let end = min(start + 2048u, settings.end);
    var sum = 0.0;
    for (var i = max(start, settings.begin) + lane; i < min(end, settings.end0); i += 256u) {
        let x = piece0[i - settings.begin];
        flat[i] = x;
        sum += x * x;
    }
    for (var i = max(start, settings.end0) + lane; i < min(end, settings.end1); i += 256u) {
        let x = piece1[i - settings.end0];
        flat[i] = x;
        sum += x * x;
    }
    for (var i = max(start, settings.end1) + lane; i < min(end, settings.end2); i += 256u) {
        let x = piece2[i - settings.end1];
        flat[i] = x;
        sum += x * x;
    }
    for (var i = max(start, settings.end2) + lane; i < min(end, settings.end3); i += 256u) {
        let x = piece3[i - settings.end2];
        flat[i] = x;
        sum += x * x;
    }
    for (var i = max(start, settings.end3) + lane; i < min(end, settings.end4); i += 256u) {
        let x = piece4[i - settings.end3];
        flat[i] = x;
        sum += x * x;
    }
    for (var i = max(start, settings.end4) + lane; i < min(end, settings.end5); i += 256u) {
        let x = piece5[i - settings.end4];
        flat[i] = x;
        sum += x * x;
    }
    for (var i = max(start, settings.end5) + lane; i < end; i += 256u) {
        flat[i] = 0.0;
    }
    let found = total(sum, lane);
    if lane == 0u {
        squares[settings.first_block + block] = found;
    }
}
