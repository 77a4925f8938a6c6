// Epilogue that adds B to the product.
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

fn right(i: u32) -> f32 {
    return b[i];
}

fn finished(sum: f32, row: u32, column: u32, matrix: u32) -> f32 {
    return sum * settings.product + settings.added * b[matrix * settings.b_matrix + row * settings.n + column];
}

const ADDS_ROWS: bool = false;

fn write_sums(row: u32, sums: vec4<f32>) {}

