// both_lse_subgroup — contrastive_loss's rows and columns on product_subgroup's tiles: a thread has
// all rows of its columns, and the subgroup joins the columns of a row.
//
// Needs contrastive_loss's functions and product_subgroup with ROWS = 32 and COLS = 4.

struct Strip {
  rows_0: Running, rows_4: Running, rows_8: Running, rows_12: Running,
  rows_16: Running, rows_20: Running, rows_24: Running, rows_28: Running,
}

fn four_from(m: u32) -> vec4<u32> {
  return vec4(0u, 1u, 2u, 3u) + m;
}

fn finish_rows(found: Running, m: u32, part: u32, lane: u32) {
  let top = subgroupMax(found.top);
  let sum = subgroupAdd(found.sum * exp(found.top - top));
  if (lane == 0u) {
    write_four(part, m, 1u, Running(top, sum));
  }
}

fn stream(m: u32, part: Part, thread: vec2<u32>) {
  var strip = Strip(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING);
  for (var first = part.begin; first < part.end; first += WIDTH) {
    let tile = multiply(vec2(m, first), Span(0u, 1u, 0u, part.terms), thread);
    let n = first + thread.x;
    let at = vec4(0u, WGX, 2u * WGX, 3u * WGX) + n;
    let end = part.end;
    var columns = NOTHING;
    take_both(tile.rows_0, &strip.rows_0, &columns, four_from(m), at, end);
    take_both(tile.rows_4, &strip.rows_4, &columns, four_from(m + 4u), at, end);
    take_both(tile.rows_8, &strip.rows_8, &columns, four_from(m + 8u), at, end);
    take_both(tile.rows_12, &strip.rows_12, &columns, four_from(m + 12u), at, end);
    take_both(tile.rows_16, &strip.rows_16, &columns, four_from(m + 16u), at, end);
    take_both(tile.rows_20, &strip.rows_20, &columns, four_from(m + 20u), at, end);
    take_both(tile.rows_24, &strip.rows_24, &columns, four_from(m + 24u), at, end);
    take_both(tile.rows_28, &strip.rows_28, &columns, four_from(m + 28u), at, end);
    write_columns(m, n, WGX, columns);
  }
  finish_rows(strip.rows_0, m, part.index, thread.x);
  finish_rows(strip.rows_4, m + 4u, part.index, thread.x);
  finish_rows(strip.rows_8, m + 8u, part.index, thread.x);
  finish_rows(strip.rows_12, m + 12u, part.index, thread.x);
  finish_rows(strip.rows_16, m + 16u, part.index, thread.x);
  finish_rows(strip.rows_20, m + 20u, part.index, thread.x);
  finish_rows(strip.rows_24, m + 24u, part.index, thread.x);
  finish_rows(strip.rows_28, m + 28u, part.index, thread.x);
}
