enable subgroups;
// attention_others_subgroup — attention_others's functions for narrow subgroups.
//
// A workgroup is one subgroup, whose threads load a row together, every WG-th Vector each, and
// broadcast it. Where threads are the vector lanes of a CPU, a load is one load per lane and costs
// as much as some twenty multiply-adds of all. Four Vectors at a time are written out, as compilers
// do not unroll all sixteen.

const PIECES: u32 = (WIDTH + WG - 1u) / WG; // Vectors of a row that a thread loads

alias Pieces = array<Vector, PIECES>;

fn bring(which: u32, at: u32, thread: u32) -> Pieces {
  var pieces: Pieces;
  for (var piece = 0u; piece < PIECES; piece++) {
    pieces[piece] = other(which, at + min(piece * WG + thread, WIDTH - 1u));
  }
  return pieces;
}

fn add_four_products(
  sums: ptr<function, array<Vector, ROWS>>, rows: ptr<function, Rows>,
  pieces: ptr<function, Pieces>, first: u32,
) {
  for (var c = first; c < min(first + 4u, WIDTH); c++) {
    let x = subgroupShuffle((*pieces)[c / WG], c % WG);
    for (var r = 0u; r < ROWS; r++) {
      (*sums)[r] = fma((*rows)[r][c], x, (*sums)[r]);
    }
  }
}

fn add_four_weighted(
  sums: ptr<function, Rows>, weights: ptr<function, array<f32, ROWS>>,
  pieces: ptr<function, Pieces>, first: u32,
) {
  for (var c = first; c < min(first + 4u, WIDTH); c++) {
    let x = subgroupShuffle((*pieces)[c / WG], c % WG);
    for (var r = 0u; r < ROWS; r++) {
      (*sums)[r][c] = fma(Vector((*weights)[r]), x, (*sums)[r][c]);
    }
  }
}

// sums[r] += the elementwise products of rows[r] and the row at `at`.
fn add_products(
  sums: ptr<function, array<Vector, ROWS>>, rows: ptr<function, Rows>,
  which: u32, at: u32, thread: u32,
) {
  var pieces = bring(which, at, thread);
  add_four_products(sums, rows, &pieces, 0u);
  add_four_products(sums, rows, &pieces, 4u);
  add_four_products(sums, rows, &pieces, 8u);
  add_four_products(sums, rows, &pieces, 12u);
  for (var c = 16u; c < WIDTH; c += 4u) {
    add_four_products(sums, rows, &pieces, c);
  }
}

// sums[r] += weights[r] · the row at `at`.
fn add_weighted(
  sums: ptr<function, Rows>, weights: ptr<function, array<f32, ROWS>>,
  which: u32, at: u32, thread: u32,
) {
  var pieces = bring(which, at, thread);
  add_four_weighted(sums, weights, &pieces, 0u);
  add_four_weighted(sums, weights, &pieces, 4u);
  add_four_weighted(sums, weights, &pieces, 8u);
  add_four_weighted(sums, weights, &pieces, 12u);
  for (var c = 16u; c < WIDTH; c += 4u) {
    add_four_weighted(sums, weights, &pieces, c);
  }
}

// A number that compilers do not know, lest they unroll loops with it and hold whole rows in
// registers that there are not.
fn width() -> u32 {
  return params.width;
}
