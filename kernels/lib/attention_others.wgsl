// attention_others — the rows that all threads of a workgroup of attention meet, by plain loads:
// every thread loads the same Vector, which GPUs do once for all of them.
//
// The kernel defines other(which, at), a Vector of one or the other operand; needs attention_place.

// sums[r] += the elementwise products of rows[r] and the row at `at`.
fn add_products(
  sums: ptr<function, array<Vector, ROWS>>, rows: ptr<function, Rows>,
  which: u32, at: u32, thread: u32,
) {
  for (var c = 0u; c < WIDTH; c++) {
    let x = other(which, at + c);
    for (var r = 0u; r < ROWS; r++) {
      (*sums)[r] = fma((*rows)[r][c], x, (*sums)[r]);
    }
  }
}

// sums[r] += weights[r] · the row at `at`.
fn add_weighted(
  sums: ptr<function, Rows>, weights: ptr<function, array<f32, ROWS>>,
  which: u32, at: u32, thread: u32,
) {
  for (var c = 0u; c < WIDTH; c++) {
    let x = other(which, at + c);
    for (var r = 0u; r < ROWS; r++) {
      (*sums)[r][c] = fma(Vector((*weights)[r]), x, (*sums)[r][c]);
    }
  }
}

fn width() -> u32 {
  return WIDTH;
}
