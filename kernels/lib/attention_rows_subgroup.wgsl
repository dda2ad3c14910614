enable subgroups;
// attention_rows_subgroup — attention_rows's functions for narrow subgroups.
//
// A workgroup is one subgroup, which has four rows. Each thread has every WG-th Vector of all four:
// where threads are the vector lanes of a CPU, a load is one load per lane and costs as much as
// some twenty multiply-adds of all, and so no element is loaded by two threads. Products are
// summed over a thread's elements, then over the threads, neighbours first. Four pieces are written
// out: compilers do not unroll all loops, and what a variable indexes would leave the registers.

const BLOCK: u32 = 4u;
const PIECES: u32 = (WIDTH + WG - 1u) / WG; // Vectors of a row that a thread has

// A Vector of each of the four rows.
struct Piece { a: Vector, b: Vector, c: Vector, d: Vector }

alias Rows = array<Piece, PIECES>;
alias Other = array<Vector, PIECES>;

// Which row of the block a thread scores.
fn row_of(thread: u32) -> u32 {
  return thread % BLOCK;
}

fn exists(p: u32, thread: u32) -> bool {
  return WIDTH % WG == 0u || p * WG + thread < WIDTH;
}

// The thread's piece p of the row at `at`; 0 where there is none, for the sake of products.
fn load_piece(which: u32, at: u32, p: u32, thread: u32) -> Vector {
  let x = element(which, at + min(p * WG + thread, WIDTH - 1u));
  return select(Vector(), x, exists(p, thread));
}

fn fetch_piece(rows: ptr<function, Rows>, which: u32, at: vec4<u32>, p: u32, thread: u32) {
  if (p < PIECES) {
    let a = load_piece(which, at.x, p, thread);
    let b = load_piece(which, at.y, p, thread);
    let c = load_piece(which, at.z, p, thread);
    (*rows)[p] = Piece(a, b, c, load_piece(which, at.w, p, thread));
  }
}

// Rows of the block from `first` on; the last of `count` in place of those that there are not.
fn fetch(operand: Operand, first: u32, count: u32, thread: u32) -> Rows {
  let i = min(vec4<u32>(0u, 1u, 2u, 3u) + first, vec4<u32>(count - 1u));
  let at = operand.at + i * operand.step;
  var rows = Rows();
  fetch_piece(&rows, operand.which, at, 0u, thread);
  fetch_piece(&rows, operand.which, at, 1u, thread);
  fetch_piece(&rows, operand.which, at, 2u, thread);
  fetch_piece(&rows, operand.which, at, 3u, thread);
  for (var p = 4u; p < PIECES; p++) {
    fetch_piece(&rows, operand.which, at, p, thread);
  }
  return rows;
}

fn meet_piece(other: ptr<function, Other>, which: u32, at: u32, p: u32, thread: u32) {
  if (p < PIECES) {
    (*other)[p] = load_piece(which, at, p, thread);
  }
}

fn meet(operand: Operand, j: u32, thread: u32) -> Other {
  let at = operand.at + j * operand.step;
  var other = Other();
  meet_piece(&other, operand.which, at, 0u, thread);
  meet_piece(&other, operand.which, at, 1u, thread);
  meet_piece(&other, operand.which, at, 2u, thread);
  meet_piece(&other, operand.which, at, 3u, thread);
  for (var p = 4u; p < PIECES; p++) {
    meet_piece(&other, operand.which, at, p, thread);
  }
  return other;
}

fn add_product(sum: ptr<function, Piece>, rows: ptr<function, Rows>, other: Other, p: u32) {
  if (p < PIECES) {
    (*sum).a = fma((*rows)[p].a, other[p], (*sum).a);
    (*sum).b = fma((*rows)[p].b, other[p], (*sum).b);
    (*sum).c = fma((*rows)[p].c, other[p], (*sum).c);
    (*sum).d = fma((*rows)[p].d, other[p], (*sum).d);
  }
}

fn vector_sum(x: Vector) -> f32 {
  return vector_dot(x, Vector(1.0));
}

// The product of another row with the row that the thread scores.
fn products(rows: ptr<function, Rows>, other: Other, thread: u32) -> f32 {
  var sum = Piece();
  add_product(&sum, rows, other, 0u);
  add_product(&sum, rows, other, 1u);
  add_product(&sum, rows, other, 2u);
  add_product(&sum, rows, other, 3u);
  for (var p = 4u; p < PIECES; p++) {
    add_product(&sum, rows, other, p);
  }
  let ab = vec2(vector_sum(sum.a), vector_sum(sum.b));
  let cd = vec2(vector_sum(sum.c), vector_sum(sum.d));
  let odd = thread % 2u == 1u;
  let upper = thread % 4u > 1u;
  let ac = vec2(select(ab.x, ab.y, odd), select(cd.x, cd.y, odd));
  let bd = vec2(select(ab.y, ab.x, odd), select(cd.y, cd.x, odd));
  let two = ac + quadSwapX(bd);
  let one = select(two.x, two.y, upper) + quadSwapY(select(two.y, two.x, upper));
  if (WG == 8u) {
    return one + subgroupShuffleXor(one, 4u);
  }
  return one;
}

fn weigh_piece(rows: ptr<function, Rows>, weights: vec4<f32>, other: Other, p: u32) {
  if (p < PIECES) {
    (*rows)[p].a = fma(Vector(weights.x), other[p], (*rows)[p].a);
    (*rows)[p].b = fma(Vector(weights.y), other[p], (*rows)[p].b);
    (*rows)[p].c = fma(Vector(weights.z), other[p], (*rows)[p].c);
    (*rows)[p].d = fma(Vector(weights.w), other[p], (*rows)[p].d);
  }
}

// What the threads that score the four rows have.
fn all_four(x: f32) -> vec4<f32> {
  let two = vec2(quadBroadcast(x, 0u), quadBroadcast(x, 1u));
  return vec4(two, quadBroadcast(x, 2u), quadBroadcast(x, 3u));
}

// rows += weight · other, where each row's weight is with the thread that scores it.
fn add_weighted(rows: ptr<function, Rows>, weight: f32, other: Other, thread: u32) {
  let weights = all_four(weight);
  weigh_piece(rows, weights, other, 0u);
  weigh_piece(rows, weights, other, 1u);
  weigh_piece(rows, weights, other, 2u);
  weigh_piece(rows, weights, other, 3u);
  for (var p = 4u; p < PIECES; p++) {
    weigh_piece(rows, weights, other, p);
  }
}

fn scale_piece(rows: ptr<function, Rows>, factors: vec4<f32>, p: u32) {
  if (p < PIECES) {
    (*rows)[p].a *= factors.x;
    (*rows)[p].b *= factors.y;
    (*rows)[p].c *= factors.z;
    (*rows)[p].d *= factors.w;
  }
}

fn scale_rows(rows: ptr<function, Rows>, factor: f32) {
  let factors = all_four(factor);
  scale_piece(rows, factors, 0u);
  scale_piece(rows, factors, 1u);
  scale_piece(rows, factors, 2u);
  scale_piece(rows, factors, 3u);
  for (var p = 4u; p < PIECES; p++) {
    scale_piece(rows, factors, p);
  }
}

fn store_piece(piece: Piece, at: u32, step: u32, rows: u32) {
  if (rows > 0u) { put(at, piece.a); }
  if (rows > 1u) { put(at + step, piece.b); }
  if (rows > 2u) { put(at + 2u * step, piece.c); }
  if (rows > 3u) { put(at + 3u * step, piece.d); }
}

fn store_column(rows: ptr<function, Rows>, operand: Operand, first: u32, count: u32, p: u32, thread: u32) {
  if (p < PIECES && p * WG + thread < WIDTH) {
    store_piece((*rows)[p], operand.at + first * operand.step + p * WG + thread, operand.step, count - first);
  }
}

fn store(rows: ptr<function, Rows>, operand: Operand, first: u32, count: u32, thread: u32) {
  store_column(rows, operand, first, count, 0u, thread);
  store_column(rows, operand, first, count, 1u, thread);
  store_column(rows, operand, first, count, 2u, thread);
  store_column(rows, operand, first, count, 3u, thread);
  for (var p = 4u; p < PIECES; p++) {
    store_column(rows, operand, first, count, p, thread);
  }
}
