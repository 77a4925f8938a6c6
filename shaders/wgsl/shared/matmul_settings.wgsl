// Rows and columns of C and columns of A; how far apart rows, columns and whole matrices lie; what the product and the
// matrix that is added to it are multiplied by.
struct Settings {
    m: u32,
    n: u32,
    k: u32,
    a_row: u32,
    a_column: u32,
    b_row: u32,
    b_column: u32,
    a_matrix: u32,
    b_matrix: u32,
    product: f32,
    added: f32,
}

@group(0) @binding(0) var<storage, read_write> a: array<f32>;
