enable subgroups;
// attention_rows_subgroup — attention_rows's loads and stores for narrow subgroups; what is done
// with the rows is in attention_sums_subgroup.
//
// A workgroup is one subgroup of 4 or 8 threads and has as many rows; each thread has every WG-th
// Vector of all of them. Where threads are the vector lanes of a CPU, a load is one load per lane
// and costs as much as some twenty multiply-adds of all; so no element is loaded by two threads.
// Four fours are written out: not all compilers unroll loops, and what a variable indexes is kept
// in memory.

const GROUPS: u32 = WG / 4u; // fours of rows
const PIECES: u32 = (WIDTH + WG - 1u) / WG; // Vectors of a row that a thread has
const FOURS: u32 = PIECES * GROUPS;

// Piece n / GROUPS of four rows, from row 4 · (n % GROUPS) on.
struct Four { a: Vector, b: Vector, c: Vector, d: Vector }

alias Rows = array<Four, FOURS>;
alias Other = array<Vector, PIECES>;

// The thread's piece p of the row at `at`; 0 where there is none, for the sake of products.
fn load_piece(which: u32, at: u32, p: u32, thread: u32) -> Vector {
  let column = p * WG + thread;
  let x = element(which, at + min(column, WIDTH - 1u));
  return select(Vector(), x, WIDTH % WG == 0u || column < WIDTH);
}

fn fetch_four(
  rows: ptr<function, Rows>, operand: Operand, first: u32, count: u32, thread: u32, n: u32,
) {
  if (n < FOURS) {
    let i = vec4<u32>(0u, 1u, 2u, 3u) + first + n % GROUPS * 4u;
    let at = operand.at + min(i, vec4(count - 1u)) * operand.step;
    let p = n / GROUPS;
    let a = load_piece(operand.which, at.x, p, thread);
    let b = load_piece(operand.which, at.y, p, thread);
    let c = load_piece(operand.which, at.z, p, thread);
    (*rows)[n] = Four(a, b, c, load_piece(operand.which, at.w, p, thread));
  }
}

fn fetch(operand: Operand, first: u32, count: u32, thread: u32) -> Rows {
  var rows = Rows();
  fetch_four(&rows, operand, first, count, thread, 0u);
  fetch_four(&rows, operand, first, count, thread, 1u);
  fetch_four(&rows, operand, first, count, thread, 2u);
  fetch_four(&rows, operand, first, count, thread, 3u);
  for (var n = 4u; n < FOURS; n++) {
    fetch_four(&rows, operand, first, count, thread, n);
  }
  return rows;
}

fn meet_piece(other: ptr<function, Other>, which: u32, at: u32, thread: u32, p: u32) {
  if (p < PIECES) {
    (*other)[p] = load_piece(which, at, p, thread);
  }
}

fn meet(operand: Operand, j: u32, thread: u32) -> Other {
  let at = operand.at + j * operand.step;
  var other = Other();
  meet_piece(&other, operand.which, at, thread, 0u);
  meet_piece(&other, operand.which, at, thread, 1u);
  meet_piece(&other, operand.which, at, thread, 2u);
  meet_piece(&other, operand.which, at, thread, 3u);
  for (var p = 4u; p < PIECES; p++) {
    meet_piece(&other, operand.which, at, thread, p);
  }
  return other;
}

fn store_four(
  rows: ptr<function, Rows>, operand: Operand, first: u32, count: u32, thread: u32, n: u32,
) {
  let column = n / GROUPS * WG + thread;
  if (n < FOURS && column < WIDTH) {
    let i = first + n % GROUPS * 4u;
    let at = operand.at + i * operand.step + column;
    if (i < count) { put(at, (*rows)[n].a); }
    if (i + 1u < count) { put(at + operand.step, (*rows)[n].b); }
    if (i + 2u < count) { put(at + 2u * operand.step, (*rows)[n].c); }
    if (i + 3u < count) { put(at + 3u * operand.step, (*rows)[n].d); }
  }
}

fn store(rows: ptr<function, Rows>, operand: Operand, first: u32, count: u32, thread: u32) {
  store_four(rows, operand, first, count, thread, 0u);
  store_four(rows, operand, first, count, thread, 1u);
  store_four(rows, operand, first, count, thread, 2u);
  store_four(rows, operand, first, count, thread, 3u);
  for (var n = 4u; n < FOURS; n++) {
    store_four(rows, operand, first, count, thread, n);
  }
}
