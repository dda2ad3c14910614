// row_lse_tile — contrastive_loss's rows on product_shared's tiles, joined in workgroup memory.
//
// Needs contrastive_loss's functions and product_shared with COLS = 8 or 4.

fn join(a: Running, b: Running) -> Running {
  let top = max(a.top, b.top);
  return Running(top, fma(a.sum, exp(a.top - top), b.sum * exp(b.top - top)));
}

// Write what all threads of a line found for four rows, joined in order.
fn finish(own_part: Running, m: u32, part: u32, thread: vec2<u32>) {
  workgroupBarrier(); // until no thread reads what was there
  staged_left[thread.x / 4u][thread.x % 4u][0][thread.y] = own_part.top;
  staged_left[thread.x / 4u][thread.x % 4u][1][thread.y] = own_part.sum;
  workgroupBarrier();
  if (thread.x > 0u) {
    return;
  }
  var all = own_part;
  for (var x = 1u; x < WGX; x++) {
    let top = staged_left[x / 4u][x % 4u][0][thread.y];
    all = join(all, Running(top, staged_left[x / 4u][x % 4u][1][thread.y]));
  }
  write_four(m, part, all);
}

fn stream_rows(m: u32, part: Part, thread: vec2<u32>) {
  var upper = NOTHING;
  var lower = NOTHING;
  for (var first = part.begin; first < part.end; first += WIDTH) {
    let tile = multiply(vec2(m, first), Span(0u, 1u, 0u, part.terms), thread);
    let columns = vec4(0u, 1u, 2u, 3u) + first + 4u * thread.x;
    let near = columns < vec4(part.end);
    upper = take(upper, tile.first, near);
    lower = take(lower, tile.below, near);
    if (COLS == 8u) {
      let far = columns + WIDTH / 2u < vec4(part.end);
      upper = take(upper, tile.beside, far);
      lower = take(lower, tile.last, far);
    }
  }
  finish(upper, m + 4u * thread.y, part.index, thread);
  finish(lower, m + 4u * thread.y + HEIGHT / 2u, part.index, thread);
}
