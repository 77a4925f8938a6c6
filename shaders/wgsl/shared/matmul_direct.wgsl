// C = A B for matrices with arbitrary strides, without workgroup memory. For software adapters,
// where a barrier costs more than a load, and a load more than a multiplication. One thread
// computes 8 rows of 8 columns that are 16 apart, so that neighbouring threads read neighbouring
// columns of B and the same rows of A. In a batch, group.z is the index of the matrices. The
// sources before this one define the bindings, `right` and `finished`.

fn write_column(row: u32, column: u32, matrix: u32, upper: vec4<f32>, lower: vec4<f32>) {
    if column >= settings.n {
        return;
    }
    let start = matrix * settings.m * settings.n + column;
    for (var i = 0u; i < 4u; i++) {
        if row + i < settings.m {
            c[start + (row + i) * settings.n] = finished(upper[i], row + i, column, matrix);
        }
        if row + 4u + i < settings.m {
            c[start + (row + 4u + i) * settings.n] = finished(lower[i], row + 4u + i, column, matrix);
        }
    }
}

// Returns the offsets of four rows of A; rows beyond the last one are clamped to it.
fn rows(first: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(settings.m - 1u)) * settings.a_row;
}

// Returns the offsets of four columns of B; columns beyond the last one are clamped to it.
fn columns(first: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 16u, 32u, 48u), vec4<u32>(settings.n - 1u)) * settings.b_column;
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y * 8u;
    let column = group.x * 128u + lane;
    var above = rows(row) + group.z * settings.a_matrix;
    var below = rows(row + 4u) + group.z * settings.a_matrix;
    var near = columns(column) + group.z * settings.b_matrix;
    var far = columns(column + 64u) + group.z * settings.b_matrix;
    var upper0 = vec4<f32>();
    var lower0 = vec4<f32>();
    var upper1 = vec4<f32>();
    var lower1 = vec4<f32>();
    var upper2 = vec4<f32>();
    var lower2 = vec4<f32>();
    var upper3 = vec4<f32>();
    var lower3 = vec4<f32>();
    var upper4 = vec4<f32>();
    var lower4 = vec4<f32>();
    var upper5 = vec4<f32>();
    var lower5 = vec4<f32>();
    var upper6 = vec4<f32>();
    var lower6 = vec4<f32>();
    var upper7 = vec4<f32>();
    var lower7 = vec4<f32>();
    var sums_above = vec4<f32>();
    var sums_below = vec4<f32>();
    for (var k = 0u; k < settings.k; k++) {
        let x = vec4<f32>(a[above.x], a[above.y], a[above.z], a[above.w]);
        let y = vec4<f32>(a[below.x], a[below.y], a[below.z], a[below.w]);
        let p = vec4<f32>(right(near.x), right(near.y), right(near.z), right(near.w));
        let q = vec4<f32>(right(far.x), right(far.y), right(far.z), right(far.w));
        upper0 += x * p.x;
        lower0 += y * p.x;
        upper1 += x * p.y;
        lower1 += y * p.y;
        upper2 += x * p.z;
        lower2 += y * p.z;
        upper3 += x * p.w;
        lower3 += y * p.w;
        upper4 += x * q.x;
        lower4 += y * q.x;
        upper5 += x * q.y;
        lower5 += y * q.y;
        upper6 += x * q.z;
        lower6 += y * q.z;
        upper7 += x * q.w;
        lower7 += y * q.w;
        if ADDS_ROWS {
            sums_above += x;
            sums_below += y;
        }
        above += settings.a_column;
        below += settings.a_column;
        near += settings.b_row;
        far += settings.b_row;
    }
    write_column(row, column, group.z, upper0, lower0);
    write_column(row, column + 16u, group.z, upper1, lower1);
    write_column(row, column + 32u, group.z, upper2, lower2);
    write_column(row, column + 48u, group.z, upper3, lower3);
    write_column(row, column + 64u, group.z, upper4, lower4);
    write_column(row, column + 80u, group.z, upper5, lower5);
    write_column(row, column + 96u, group.z, upper6, lower6);
    write_column(row, column + 112u, group.z, upper7, lower7);
    if ADDS_ROWS && column == 0u {
        write_sums(row, sums_above);
        write_sums(row + 4u, sums_below);
    }
}
