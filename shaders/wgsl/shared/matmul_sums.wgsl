// Epilogue that also writes the row sums of A.
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

fn right(i: u32) -> f32 {
    return b[i];
}

fn finished(sum: f32, row: u32, column: u32, matrix: u32) -> f32 {
    return sum;
}

const ADDS_ROWS: bool = true;

fn write_sums(row: u32, found: vec4<f32>) {
    for (var i = 0u; i < 4u; i++) {
        if row + i < settings.m {
            sums[row + i] = found[i];
        }
    }
}

