enable subgroups;
// tile_subgroup — tile_own's functions with rows that the threads of a subgroup load together.
//
//   tile[i, j] += x[i] · y[j]      i < ROWS ≤ 32, j < COLS ≤ 4
//
// The threads of a subgroup (LANES of them, side by side in a workgroup's x) have the same rows and
// different columns. Each loads ROWS / LANES of the rows' values, and shuffles give them to the
// others: ROWS / LANES + COLS loads for ROWS × COLS multiply-adds. Where threads are the vector
// lanes of a CPU, a load is one load per lane and costs as much as twenty multiply-adds of all.
//
// Needs the consts ROWS (16 or 32; at most 8 · LANES), LANES (4 to ROWS), the size of every
// subgroup, and COLS.

struct Tile {
  rows_0: mat4x4<f32>, rows_4: mat4x4<f32>, rows_8: mat4x4<f32>, rows_12: mat4x4<f32>,
  rows_16: mat4x4<f32>, rows_20: mat4x4<f32>, rows_24: mat4x4<f32>, rows_28: mat4x4<f32>,
} // m[i] is row i of the quad

// x is the value of the quad's rows on the lanes from `lane` on.
fn tile_outer(quad: mat4x4<f32>, x: f32, lane: u32, y: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    tile_row(quad[0], subgroupShuffle(x, lane), y),
    tile_row(quad[1], subgroupShuffle(x, lane + 1u), y),
    tile_row(quad[2], subgroupShuffle(x, lane + 2u), y),
    tile_row(quad[3], subgroupShuffle(x, lane + 3u), y),
  );
}

fn tile_start(row: vec4<f32>) -> Tile {
  let quad = mat4x4<f32>(row, row, row, row);
  return Tile(quad, quad, quad, quad, quad, quad, quad, quad);
}

// x[r] is the value of row r · LANES + (this thread's lane).
fn tile_step(tile: Tile, x: array<f32, 8>, y: vec4<f32>) -> Tile {
  var next = tile;
  next.rows_0 = tile_outer(tile.rows_0, x[0], 0u, y);
  next.rows_4 = tile_outer(tile.rows_4, x[4u / LANES], 4u % LANES, y);
  next.rows_8 = tile_outer(tile.rows_8, x[8u / LANES], 8u % LANES, y);
  next.rows_12 = tile_outer(tile.rows_12, x[12u / LANES], 12u % LANES, y);
  if (ROWS > 16u) {
    next.rows_16 = tile_outer(tile.rows_16, x[16u / LANES], 16u % LANES, y);
    next.rows_20 = tile_outer(tile.rows_20, x[20u / LANES], 20u % LANES, y);
    next.rows_24 = tile_outer(tile.rows_24, x[24u / LANES], 24u % LANES, y);
    next.rows_28 = tile_outer(tile.rows_28, x[28u / LANES], 28u % LANES, y);
  }
  return next;
}

// Rows 4q … 4q + 3. Chosen by comparison: a tile indexed by a variable would leave the registers.
fn tile_quad(tile: Tile, q: u32) -> mat4x4<f32> {
  var quad = tile.rows_0;
  if (q == 1u) {
    quad = tile.rows_4;
  }
  if (q == 2u) {
    quad = tile.rows_8;
  }
  if (q == 3u) {
    quad = tile.rows_12;
  }
  if (q == 4u) {
    quad = tile.rows_16;
  }
  if (q == 5u) {
    quad = tile.rows_20;
  }
  if (q == 6u) {
    quad = tile.rows_24;
  }
  if (q == 7u) {
    quad = tile.rows_28;
  }
  return quad;
}
