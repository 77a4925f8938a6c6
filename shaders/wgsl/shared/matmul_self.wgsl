// Both factors, and the added matrix, are A.
@group(0) @binding(1) var<storage, read_write> c: array<f32>;
@group(0) @binding(2) var<uniform> settings: Settings;

fn right(i: u32) -> f32 {
    return a[i];
}

fn finished(sum: f32, row: u32, column: u32, matrix: u32) -> f32 {
    if settings.added == 0.0 {
        return sum * settings.product;
    }
    return sum * settings.product + settings.added * a[matrix * settings.a_matrix + row * settings.n + column];
}

const ADDS_ROWS: bool = false;

fn write_sums(row: u32, sums: vec4<f32>) {}

