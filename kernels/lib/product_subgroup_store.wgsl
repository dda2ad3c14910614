// product_subgroup_store — every element of a tile of product_subgroup to its place.
//
// What the kernel defines: store_four, as in product_store.

// Rows 4q … 4q + 3. Chosen by comparison: a tile indexed by a variable would leave the registers.
fn quad_of(tile: Tile, q: u32) -> Quad {
  switch (q) {
    case 0u: { return tile.rows_0; }
    case 1u: { return tile.rows_4; }
    case 2u: { return tile.rows_8; }
    case 3u: { return tile.rows_12; }
    case 4u: { return tile.rows_16; }
    case 5u: { return tile.rows_20; }
    case 6u: { return tile.rows_24; }
    default: { return tile.rows_28; }
  }
}

fn store_tile(corner: vec2<u32>, tile: Tile, thread: vec2<u32>) {
  let n = corner.y + thread.x;
  for (var q = 0u; q < ROWS / 4u; q++) {
    let m = corner.x + 4u * q;
    let quad = quad_of(tile, q);
    store_four(m, n, WGX, quad[0]);
    store_four(m + 1u, n, WGX, quad[1]);
    store_four(m + 2u, n, WGX, quad[2]);
    store_four(m + 3u, n, WGX, quad[3]);
  }
}
