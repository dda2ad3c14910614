// attention_rows — the WG rows of a workgroup of attention, and the other rows that all of
// them meet: each thread has a whole row in registers. All threads load the same other Vector,
// which GPUs do once for all of them.
//
// The kernel defines element(which, at), a Vector of an operand, and put(at, x), which stores one
// of its result. Needs WG, WIDTH, alias Vector and attention_place.

alias Rows = array<Vector, WIDTH>;

// An other row, as products and add_weighted take it: here, where it starts.
struct Other { which: u32, at: u32 }

// The rows from `first` on; the last of `count` in place of those that there are not.
fn fetch(operand: Operand, first: u32, count: u32, thread: u32) -> Rows {
  let at = operand.at + min(first + thread, count - 1u) * operand.step;
  var rows: Rows;
  for (var c = 0u; c < WIDTH; c++) {
    rows[c] = element(operand.which, at + c);
  }
  return rows;
}

fn meet(operand: Operand, j: u32, thread: u32) -> Other {
  return Other(operand.which, operand.at + j * operand.step);
}

// The product of another row with the thread's row.
fn products(rows: ptr<function, Rows>, other: Other, thread: u32) -> f32 {
  var sum = Vector();
  for (var c = 0u; c < WIDTH; c++) {
    sum = fma((*rows)[c], element(other.which, other.at + c), sum);
  }
  return vector_dot(sum, Vector(1.0));
}

// rows += weight · other, where each row's weight is with its thread.
fn add_weighted(rows: ptr<function, Rows>, weight: f32, other: Other, thread: u32) {
  for (var c = 0u; c < WIDTH; c++) {
    (*rows)[c] = fma(Vector(weight), element(other.which, other.at + c), (*rows)[c]);
  }
}

// rows *= factor
fn scale_rows(rows: ptr<function, Rows>, factor: f32) {
  for (var c = 0u; c < WIDTH; c++) {
    (*rows)[c] *= factor;
  }
}

// Store the rows that exist.
fn store(rows: ptr<function, Rows>, operand: Operand, first: u32, count: u32, thread: u32) {
  if (first + thread < count) {
    for (var c = 0u; c < WIDTH; c++) {
      put(operand.at + (first + thread) * operand.step + c, (*rows)[c]);
    }
  }
}
