// The gradient of a table of which gather.wgsl read rows: row r is the sum of the rows of dy whose index is r, in order.
// Definition: cpu::gather::scatter.
// Bindings: 0 dy in [count, width], 1 indices in [count], 2 dtable out [rows, width]. One workgroup computes one row of the
// table: it marks the indices that name its row, 2,048 at a time, and adds up what they point to. No two workgroups write
// to one place, so the sum needs no atomic additions and its order is fixed.

struct Settings {
    rows: u32,
    width: u32,
    count: u32,
}

@group(0) @binding(0) var<storage, read_write> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> dtable: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

const BLOCK: u32 = 2048u;

var<workgroup> hits: array<atomic<u32>, 64>;
var<workgroup> found: atomic<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = place(group, groups);
    if row >= settings.rows {
        return;
    }
    for (var start = 0u; start < settings.count; start += BLOCK) {
        atomicStore(&hits[lane], 0u);
        if lane == 0u {
            atomicStore(&found, 0u);
        }
        workgroupBarrier();
        for (var i = lane; i < min(BLOCK, settings.count - start); i += 64u) {
            if u32(indices[start + i]) == row {
                atomicOr(&hits[i / 32u], 1u << (i % 32u));
                atomicStore(&found, 1u);
            }
        }
        workgroupBarrier();
        let is_empty = atomicLoad(&found) == 0u;
        for (var column = lane; column < settings.width; column += 64u) {
            let place = row * settings.width + column;
            var sum = 0.0;
            if start > 0u {
                sum = dtable[place];
            }
            if !is_empty {
                for (var word = 0u; word < 64u; word++) {
                    var bits = atomicLoad(&hits[word]);
                    while bits != 0u {
                        let i = start + word * 32u + firstTrailingBit(bits);
                        sum += dy[i * settings.width + column];
                        bits &= bits - 1u;
                    }
                }
            }
            dtable[place] = sum;
        }
        workgroupBarrier();
    }
}
