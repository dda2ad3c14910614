// product_store — every element of a tile of product_shared to its place.
//
// The kernel defines store_four(m, n, step, values): row m, columns n, n + step, n + 2 · step … of
// its result; they may be beyond the edge.

fn store_quad(m: u32, n: u32, quad: Quad) {
  store_four(m, n, 1u, quad[0]);
  store_four(m + 1u, n, 1u, quad[1]);
  store_four(m + 2u, n, 1u, quad[2]);
  store_four(m + 3u, n, 1u, quad[3]);
}

fn store_tile(corner: vec2<u32>, tile: Tile, thread: vec2<u32>) {
  let m = corner.x + 4u * thread.y;
  let n = corner.y + 4u * thread.x;
  store_quad(m, n, tile.first);
  store_quad(m + HEIGHT / 2u, n, tile.below);
  if (COLS == 8u) {
    store_quad(m, n + WIDTH / 2u, tile.beside);
    store_quad(m + HEIGHT / 2u, n + WIDTH / 2u, tile.last);
  }
}
