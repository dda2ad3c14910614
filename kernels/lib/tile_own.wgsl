// tile_own — a register tile of a product, ROWS × COLS per thread, fed from the thread's own loads.
//
//   tile[i, j] += x[i] · y[j]      i < ROWS ≤ 8, j < COLS ≤ 4
//
// A product's kernel starts a Tile per thread, steps it once per k and stores it by quads of rows.
// LANES neighbouring threads of a workgroup's x share their rows: here each has its own, LANES = 1;
// in tile_subgroup they load them together. Needs the consts ROWS (4 or 8), LANES (1) and COLS.

struct Tile { rows_0: mat4x4<f32>, rows_4: mat4x4<f32> } // m[i] is row i of the quad

fn tile_outer(quad: mat4x4<f32>, x: vec4<f32>, y: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    tile_row(quad[0], x[0], y),
    tile_row(quad[1], x[1], y),
    tile_row(quad[2], x[2], y),
    tile_row(quad[3], x[3], y),
  );
}

fn tile_start(row: vec4<f32>) -> Tile {
  let quad = mat4x4<f32>(row, row, row, row);
  return Tile(quad, quad);
}

// x[r] is the value of row r · LANES + (this thread's lane).
fn tile_step(tile: Tile, x: array<f32, 8>, y: vec4<f32>) -> Tile {
  var next = tile;
  next.rows_0 = tile_outer(tile.rows_0, vec4(x[0], x[1], x[2], x[3]), y);
  if (ROWS > 4u) {
    next.rows_4 = tile_outer(tile.rows_4, vec4(x[4], x[5], x[6], x[7]), y);
  }
  return next;
}

// Rows 4q … 4q + 3. Chosen by comparison: a tile indexed by a variable would leave the registers.
fn tile_quad(tile: Tile, q: u32) -> mat4x4<f32> {
  if (q == 0u) {
    return tile.rows_0;
  }
  return tile.rows_4;
}
