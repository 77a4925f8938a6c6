// Number of rows and columns of C and of columns of A; distances between rows, columns and
// matrices; factors of the product and of the added matrix.
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
