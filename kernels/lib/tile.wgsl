// tile — what the kernels of products share beside their register tiles (tile_own, tile_subgroup).
//
// A thread's columns are WGX apart. Needs the consts WGX and COLS (2 or 4), columns per thread.

// The thread's columns of `count`, from the first on; those beyond the last are the last.
fn tile_cols(first: u32, count: u32) -> vec4<u32> {
  return min(vec4(first, first + WGX, first + 2u * WGX, first + 3u * WGX), vec4(count - 1u));
}

// A row of a tile after one more product.
fn tile_row(row: vec4<f32>, x: f32, y: vec4<f32>) -> vec4<f32> {
  if (COLS == 2u) {
    return vec4(fma(vec2(x), y.xy, row.xy), 0.0, 0.0);
  }
  return fma(vec4(x), y, row);
}
