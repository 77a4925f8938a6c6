// Gradient of the table of gather.wgsl: row r is the sum of the rows of dy that were read from it,
// in order.
// Definition: cpu::gather::scatter.
// Bindings: 0 dy in [count, width], 1 readers in [rows + 1 + count]: rows + 1 offsets, then the
// lists of the positions that read each row; 2 dtable out [rows, width]. One thread computes one
// element.

struct Settings {
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> readers: array<i32>;
@group(0) @binding(2) var<storage, read_write> dtable: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = place(group, groups) * 256u + lane;
    if i >= settings.rows * settings.width {
        return;
    }
    let row = i / settings.width;
    let lists = settings.rows + 1u;
    let end = u32(readers[row + 1u]);
    var sum = 0.0;
    for (var at = u32(readers[row]); at < end; at++) {
        sum += dy[u32(readers[lists + at]) * settings.width + i % settings.width];
    }
    dtable[i] = sum;
}
