@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

fn finished(sum: f32, column: u32) -> f32 {
    return sum + bias[column];
}

