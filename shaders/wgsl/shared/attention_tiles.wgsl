// Products of 8 rows with 32 others, 32 columns at a time, from tiles in workgroup memory. A row of
// the large tile has stride 33, so that threads that read the same column access different banks.
var<workgroup> rows_tile: array<f32, 256>;
var<workgroup> tile: array<f32, 1056>;

// Adds the products of the 8 rows with row `lane` of the large tile.
fn products(lane: u32, upper: ptr<function, vec4<f32>>, lower: ptr<function, vec4<f32>>) {
    for (var i = 0u; i < 32u; i++) {
        let x = tile[lane * 33u + i];
        *upper += x * vec4<f32>(rows_tile[i], rows_tile[32u + i], rows_tile[64u + i], rows_tile[96u + i]);
        *lower += x * vec4<f32>(rows_tile[128u + i], rows_tile[160u + i], rows_tile[192u + i], rows_tile[224u + i]);
    }
}

// Reads 32 rows of qkv from `start` on, 32 columns from `part` on, into the large tile, with zeros
// out of range.
fn stage_tile(from_row: u32, start: u32, part: u32, lane: u32) {
    for (var i = lane; i < 1024u; i += 32u) {
        let row = start + i / 32u;
        let column = part + i % 32u;
        var x = 0.0;
        if row < settings.t && column < settings.k {
            x = qkv[from_row + row * 3u * settings.h * settings.k + column];
        }
        tile[i / 32u * 33u + i % 32u] = x;
    }
}

// Maxima and sums over the four threads that share a row.
var<workgroup> quarters: array<f32, 32>;

fn quarters_of(x: f32, lane: u32) -> vec4<f32> {
    workgroupBarrier();
    quarters[lane] = x;
    workgroupBarrier();
    let first = lane / 4u * 4u;
    return vec4<f32>(quarters[first], quarters[first + 1u], quarters[first + 2u], quarters[first + 3u]);
}

fn highest_of_four(x: f32, lane: u32) -> f32 {
    let all = quarters_of(x, lane);
    return max(max(all.x, all.y), max(all.z, all.w));
}

fn total_of_four(x: f32, lane: u32) -> f32 {
    let all = quarters_of(x, lane);
    return all.x + all.y + all.z + all.w;
}

