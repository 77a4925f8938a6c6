// Rows and columns of C, columns of A; then how far apart rows and columns of A and B lie.
struct Settings {
    m: u32,
    n: u32,
    k: u32,
    a_row: u32,
    a_column: u32,
    b_row: u32,
    b_column: u32,
}

