// C = A B for matrices with arbitrary strides, one tile of C per workgroup. EDGE x EDGE threads
// compute 4 x 4 elements each from tiles of A and B in workgroup memory, 16 columns of A at a time.
// In a batch, group.z is the index of the matrices. The sources before this one define the
// bindings, `right` and `finished`.

const TILE: u32 = 4u * EDGE;
const DEPTH: u32 = 16u;
// One more than a tile, so that threads that write the same column of a tile access different
// banks.
const STRIDE: u32 = TILE + 1u;

var<workgroup> a_tile: array<f32, DEPTH * STRIDE>;
var<workgroup> b_tile: array<f32, DEPTH * STRIDE>;

fn write_row(row: u32, column: u32, matrix: u32, sums: vec4<f32>) {
    if row >= settings.m {
        return;
    }
    let start = (matrix * settings.m + row) * settings.n;
    for (var i = 0u; i < 4u; i++) {
        if column + i < settings.n {
            c[start + column + i] = finished(sums[i], row, column + i, matrix);
        }
    }
}

@compute @workgroup_size(EDGE * EDGE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let a_start = group.z * settings.a_matrix;
    let b_start = group.z * settings.b_matrix;
    let first_row = group.y * TILE;
    let first_column = group.x * TILE;
    let row = lane / EDGE * 4u;
    let column = lane % EDGE * 4u;
    var sums0 = vec4<f32>();
    var sums1 = vec4<f32>();
    var sums2 = vec4<f32>();
    var sums3 = vec4<f32>();
    var row_sums = vec4<f32>();
    for (var start = 0u; start < settings.k; start += DEPTH) {
        for (var i = lane; i < TILE * DEPTH; i += EDGE * EDGE) {
            // Neighbouring threads read neighbouring elements, for row-major and column-major
            // matrices.
            let by_column = vec2<u32>(i / DEPTH, i % DEPTH);
            let by_row = vec2<u32>(i % TILE, i / TILE);
            let of_a = select(by_row, by_column, settings.a_column == 1u);
            let of_b = select(by_column, by_row, settings.b_column == 1u);
            var x = 0.0;
            if first_row + of_a.x < settings.m && start + of_a.y < settings.k {
                x = a[a_start + (first_row + of_a.x) * settings.a_row + (start + of_a.y) * settings.a_column];
            }
            a_tile[of_a.y * STRIDE + of_a.x] = x;
            x = 0.0;
            if first_column + of_b.x < settings.n && start + of_b.y < settings.k {
                x = right(b_start + (first_column + of_b.x) * settings.b_column + (start + of_b.y) * settings.b_row);
            }
            b_tile[of_b.y * STRIDE + of_b.x] = x;
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let from_a = k * STRIDE + row;
            let from_b = k * STRIDE + column;
            if ADDS_ROWS {
                row_sums +=
                    vec4<f32>(a_tile[from_a], a_tile[from_a + 1u], a_tile[from_a + 2u], a_tile[from_a + 3u]);
            }
            let y = vec4<f32>(b_tile[from_b], b_tile[from_b + 1u], b_tile[from_b + 2u], b_tile[from_b + 3u]);
            sums0 += a_tile[from_a] * y;
            sums1 += a_tile[from_a + 1u] * y;
            sums2 += a_tile[from_a + 2u] * y;
            sums3 += a_tile[from_a + 3u] * y;
        }
        workgroupBarrier();
    }
    write_row(first_row + row, first_column + column, group.z, sums0);
    write_row(first_row + row + 1u, first_column + column, group.z, sums1);
    write_row(first_row + row + 2u, first_column + column, group.z, sums2);
    write_row(first_row + row + 3u, first_column + column, group.z, sums3);
    if ADDS_ROWS && group.x == 0u && column == 0u {
        write_sums(first_row + row, row_sums);
    }
}
