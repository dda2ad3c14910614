// row_lse_subgroup — contrastive_loss's rows on product_subgroup's tiles, joined by its subgroup.
//
// Needs contrastive_loss's functions and product_subgroup with COLS = 4.

struct Strip {
  rows_0: Running, rows_4: Running, rows_8: Running, rows_12: Running,
  rows_16: Running, rows_20: Running, rows_24: Running, rows_28: Running,
}

// Write what all lanes found for four rows.
fn finish(own_part: Running, m: u32, part: u32, lane: u32) {
  let top = subgroupMax(own_part.top);
  let sum = subgroupAdd(own_part.sum * exp(own_part.top - top));
  if (lane == 0u) {
    write_four(m, part, Running(top, sum));
  }
}

fn stream_rows(m: u32, part: Part, thread: vec2<u32>) {
  var strip = Strip(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING);
  for (var first = part.begin; first < part.end; first += WIDTH) {
    let tile = multiply(vec2(m, first), Span(0u, 1u, 0u, part.terms), thread);
    let exist = vec4(0u, WGX, 2u * WGX, 3u * WGX) + first + thread.x < vec4(part.end);
    strip.rows_0 = take(strip.rows_0, tile.rows_0, exist);
    strip.rows_4 = take(strip.rows_4, tile.rows_4, exist);
    strip.rows_8 = take(strip.rows_8, tile.rows_8, exist);
    strip.rows_12 = take(strip.rows_12, tile.rows_12, exist);
    if (ROWS == 32u) {
      strip.rows_16 = take(strip.rows_16, tile.rows_16, exist);
      strip.rows_20 = take(strip.rows_20, tile.rows_20, exist);
      strip.rows_24 = take(strip.rows_24, tile.rows_24, exist);
      strip.rows_28 = take(strip.rows_28, tile.rows_28, exist);
    }
  }
  finish(strip.rows_0, m, part.index, thread.x);
  finish(strip.rows_4, m + 4u, part.index, thread.x);
  finish(strip.rows_8, m + 8u, part.index, thread.x);
  finish(strip.rows_12, m + 12u, part.index, thread.x);
  if (ROWS == 32u) {
    finish(strip.rows_16, m + 16u, part.index, thread.x);
    finish(strip.rows_20, m + 20u, part.index, thread.x);
    finish(strip.rows_24, m + 24u, part.index, thread.x);
    finish(strip.rows_28, m + 28u, part.index, thread.x);
  }
}
